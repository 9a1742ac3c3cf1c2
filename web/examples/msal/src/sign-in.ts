import { InteractionRequiredAuthError, PublicClientApplication, type AccountInfo } from "@azure/msal-browser";

const authority: string = import.meta.env.VITE_AUTHORITY;
const scopes: string[] = [import.meta.env.VITE_SCOPE];

// As any page that has MSAL; nothing here is special to presence but the scope.
const msal = new PublicClientApplication({
  auth: {
    clientId: import.meta.env.VITE_CLIENT_ID,
    authority,
    knownAuthorities: [new URL(authority).host],
    redirectUri: new URL("/redirect.html", location.href).href,
  },
  cache: { cacheLocation: "sessionStorage" },
});

/** Completes a sign-in that sent the reader here; to be awaited first. Gives who is signed in, if anybody is. */
export async function arrive(): Promise<AccountInfo | undefined> {
  await msal.initialize();
  const account = (await msal.handleRedirectPromise())?.account ?? msal.getAllAccounts()[0];
  msal.setActiveAccount(account ?? null);
  return account;
}

/** Sends the reader to sign in. */
export async function signIn(): Promise<void> {
  await msal.loginRedirect({ scopes });
}

/**
 * The gateway's token of whoever is signed in. MSAL keeps it and renews it by itself; `renew` says that the gateway has refused the
 * last one, or that it ends soon. Undefined where the reader has to sign in again.
 */
export async function token({ renew }: { readonly renew: boolean }): Promise<string | undefined> {
  if (msal.getActiveAccount() === null) return undefined;
  try {
    return (await msal.acquireTokenSilent({ scopes, forceRefresh: renew })).accessToken;
  } catch (error) {
    if (error instanceof InteractionRequiredAuthError) return undefined;
    throw error; // the sign-in service is away: the client tries again
  }
}
