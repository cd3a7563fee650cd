import { fileURLToPath } from 'node:url';

/** A folder of settings for commands that tests run, as `ISKRA_CONF_DIR` names it: none but that pages open no ports. */
export const SETTINGS_FOLDER: string = fileURLToPath(new URL('../../../test/kit/conf', import.meta.url));
