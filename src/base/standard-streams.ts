const ignore = (): void => {};

/**
 * Has the process go on when what it prints cannot be written: the reader of its pipe has gone, or the disk of its log is full. Else
 * Node would end it. What is printed meanwhile is lost; once there is room the stream goes on. Twice is fine.
 *
 * Makes the stream, if nobody has used it: that takes 1 ms.
 */
export function outlive(name: 'stdout' | 'stderr'): void {
  const stream = process[name];
  if (!stream.listeners('error').includes(ignore)) stream.on('error', ignore);
}

/** What cannot be written is lost, see `outlive`. */
export function printTo(name: 'stdout' | 'stderr', text: string): void {
  outlive(name);
  process[name].write(text);
}
