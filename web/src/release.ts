/** Notices that the gateway was exchanged for another version while this page was open. */
export class Release {
  #read: () => Promise<string | undefined>;
  #first: string;
  #lost = false;

  /** `read` gives the version the gateway has now, undefined where it does not answer; `first` is the one this page came from. */
  constructor(first: string, read: () => Promise<string | undefined>) {
    this.#first = first;
    this.#read = read;
  }

  /** To be told of each state of the link. Resolves to true when a new connection leads to another version. */
  async changed(state: string): Promise<boolean> {
    if (state === "offline") this.#lost = true;
    if (state !== "live" || !this.#lost) return false;
    this.#lost = false;
    const now = await this.#read();
    return now !== undefined && now !== "" && now !== this.#first;
  }
}
