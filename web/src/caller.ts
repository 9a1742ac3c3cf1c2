/** What a token says of its bearer, and of what they may do, for a gateway to decide by. */
const CLAIMS = ["iss", "tid", "oid", "sub", "aud", "roles", "scp", "groups"];

/**
 * Names whoever signs in with a token, so that tabs share a connection only among the same caller: `anonymous` without a
 * token, else a SHA-256 from which the token cannot be told. Tokens of one subject that grant the same give the same
 * name; what cannot be read as a JWT is its own name. Rejects where the page cannot hash, as in insecure contexts.
 */
export async function callerName(token: string | undefined): Promise<string> {
  if (token === undefined) return "anonymous";
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(subject(token)));
  return btoa(String.fromCharCode(...new Uint8Array(hash)));
}

/** The signature is not looked at: it is the gateway that believes a token, and a page can only choose among its own. */
function subject(token: string): string {
  try {
    const claims = JSON.parse(atob(token.split(".")[1]!.replace(/-/g, "+").replace(/_/g, "/")));
    if (claims.iss && (claims.oid ?? claims.sub)) return JSON.stringify(CLAIMS.map((name) => claims[name]));
  } catch {
    // An API key, or a token made for the gateway's eyes alone.
  }
  return token;
}
