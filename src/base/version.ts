/** Iskra's own version; a test holds it against package.json, which a context should not have to find. */
export const VERSION = '0.1.0';
