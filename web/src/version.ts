/**
 * Compares two versions of the same user: below zero when `a` came before `b`. A version is opaque printable ASCII that
 * sorts byte by byte, and for ASCII JavaScript's order of code units is the order of bytes. Versions of different users
 * do not compare.
 */
export function compareVersions(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
