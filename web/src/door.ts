import { make, setText } from "./dom.ts";
import type { SignIn } from "./sign-in.ts";

/** OAuth's words for what went wrong, in a reader's. */
const PROBLEMS: Record<string, string> = {
  access_denied: "The sign-in was declined.",
  invalid_client: "The provider does not know this gateway’s application. Whoever runs the gateway can correct gateway.auth.login.",
  unauthorized_client: "The provider does not let this gateway’s application sign people in here.",
  invalid_grant: "The sign-in took too long or was used before. Please try again.",
  "unexpected answer": "An answer arrived that this page had not asked for, and was not used. Please try again.",
  "no answer": "The sign-in provider did not answer. Please try again.",
  ended: "Your sign-in has ended. Please sign in again.",
  refused: "The gateway did not accept this sign-in: it may have ended, or lack the right to use the gateway.",
};

/** The way in: what is shown while nobody is signed in who has to be, and the button in the corner that leads in or out. */
export class Door {
  #place: HTMLElement;
  #corner: HTMLButtonElement;
  #signIn: SignIn | undefined;
  #problem = make("p", "problem");
  #enter = make("button", "enter", "Sign in");
  #key = make("details", "");
  #input = make("input", "");
  #insecure = make("p", "", "Signing in needs this page to be opened over https.");

  constructor(place: HTMLElement, corner: HTMLButtonElement, entered: () => void) {
    this.#place = place;
    this.#corner = corner;
    this.#problem.setAttribute("role", "alert");
    this.#enter.type = "button";
    this.#enter.addEventListener("click", () => void this.#go());
    corner.addEventListener("click", () => {
      if (this.#signIn?.signedIn !== true) {
        if (this.#signIn?.possible === true) void this.#go();
        else this.#show();
        return;
      }
      this.#signIn.leave();
      location.reload();
    });
    this.#input.type = "password";
    this.#input.id = "key";
    this.#input.autocomplete = "off";
    this.#input.required = true;
    const label = make("label", "", "API key. It is kept in this browser until you sign out.");
    label.htmlFor = this.#input.id;
    const form = make("form", "", label, this.#input, make("button", "again", "Use this key"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#signIn?.useKey(this.#input.value);
      this.#input.value = "";
      entered();
    });
    this.#key.append(make("summary", "", "This screen has a key of its own"), form);
    place.append(
      make("h2", "", "Sign in to see who is available"),
      make("p", "", "This gateway shows presences only to people it knows."),
      this.#problem, this.#enter, this.#insecure, this.#key,
    );
  }

  /** Whether the way in is shown. */
  get open(): boolean {
    return !this.#place.hidden;
  }

  draw(signIn: SignIn): void {
    this.#signIn = signIn;
    this.#place.hidden = signIn.open;
    this.#enter.hidden = !signIn.possible;
    this.#insecure.hidden = signIn.possible || signIn.ways.login === undefined;
    this.#key.hidden = !signIn.ways.apiKey;
    this.#key.open = !signIn.possible;
    const problem = signIn.problem;
    setText(this.#problem, problem === "" ? "" : (PROBLEMS[problem] ?? `The sign-in failed (${problem}).`));
    this.#problem.hidden = problem === "";
    const ways = signIn.possible || signIn.ways.apiKey;
    this.#corner.hidden = !signIn.signedIn && (!ways || this.open);
    setText(this.#corner, signIn.signedIn ? "Sign out" : "Sign in");
  }

  /** The gateway let the reader in no longer, or never did. */
  shut(signIn: SignIn): void {
    if (signIn.signedIn) signIn.reject();
    this.draw(signIn);
  }

  async #go(): Promise<void> {
    const signIn = this.#signIn;
    if (signIn !== undefined && !(await signIn.begin())) this.draw(signIn);
  }

  #show(): void {
    this.#place.hidden = false;
    this.#input.focus();
  }
}
