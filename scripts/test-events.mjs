// A reporter for scripts/run-test-files.mjs: one line of JSON when a test begins, one when it ends, a last one when all have. Each is
// in the file before the program goes on: a test may spin, or end its process.
import { appendFileSync } from 'node:fs';

const write = (event) => appendFileSync(process.env.ISKRA_TEST_EVENTS, `${JSON.stringify(event)}\n`);

// biome-ignore lint/style/noDefaultExport: this is how Node asks for a reporter
// biome-ignore lint/correctness/useYield: its lines do not go through the runner's stream
export default async function* events(source) {
  for await (const { type, data } of source) {
    if (type === 'test:dequeue') write({ begun: data.name });
    else if (type === 'test:complete') write({ ended: data.name });
    else if (type === 'test:fail') write({ failed: data.name });
  }
  write({ over: true });
}
