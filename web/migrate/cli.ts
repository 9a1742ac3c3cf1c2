import { main } from "./main.ts";

// The rest of a long list still goes out to a slow reader; one that closes early, as `head` does, is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
process.exitCode = main(process.argv.slice(2));
