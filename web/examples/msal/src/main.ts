import { configure } from "@presence-gateway/client/badge";
import { arrive, signIn, token } from "./sign-in";

configure({ gateway: import.meta.env.VITE_GATEWAY, getToken: token });

const reader = document.querySelector("#reader")!;
const button = document.querySelector<HTMLButtonElement>("#sign-in")!;
button.addEventListener("click", () => void signIn());

const account = await arrive();
if (account === undefined) {
  reader.textContent = "Sign in to see.";
  button.hidden = false;
} else {
  reader.textContent = `Signed in as ${account.name ?? account.username}`;
  show((import.meta.env.VITE_PEOPLE as string).split(","));
}

function show(people: string[]): void {
  const list = document.querySelector("#people")!;
  for (const who of people) {
    const badge = document.createElement("presence-badge");
    badge.setAttribute(who.includes("@") ? "person-query" : "user-id", who);
    const row = document.createElement("li");
    row.append(badge, ` ${who}`);
    list.append(row);
  }
  // The gateway wants a sign-in and MSAL has none to give: the reader has to be asked.
  list.addEventListener("presence-signin", () => (button.hidden = false));
}
