/** By which slots' threads are told from others of the process. */
export const SLOT_THREAD_NAME = 'iskra slot';
