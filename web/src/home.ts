/** The gateway that serves a script, by the script's address: `/widget.js`, or what `/assets` has of it. */
export function homeOf(script: string): string {
  return new URL("./", script).href.replace(/assets\/$/, "");
}
