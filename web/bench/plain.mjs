// A reporter for benches: they print for themselves, so that only what went wrong is left to tell.
export default async function* plain(events) {
  for await (const { type, data } of events) {
    if (type !== "test:fail") continue;
    const cause = data.details.error.cause ?? data.details.error;
    yield `FAILED: ${data.name}: ${cause.stack ?? cause}\n`;
  }
}
