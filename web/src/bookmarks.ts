import { make, setText } from "./dom.ts";
import { Menu } from "./menu.ts";
import type { SavedViews } from "./saved.ts";

export interface BookmarksOptions {
  readonly saved: SavedViews;
  /** Fragment of the place the reader is at. */
  readonly place: () => string;
  /** A sentence for who does not see what became of a press. */
  readonly say: (text: string) => void;
}

/** The menu of saved views, and the button that copies a link to the present one. */
export class Bookmarks {
  readonly element: HTMLElement;
  #options: BookmarksOptions;
  #menu = new Menu("saved-views", "Saved views", () => this.#draw());
  #list = make("ul", "saved");
  #none = make("p", "detail", "None yet. A saved view keeps the search, states, team, grouping and order chosen, in this browser alone.");
  #name = make("input");
  #problem = make("p", "problem");

  constructor(options: BookmarksOptions) {
    this.#options = options;
    this.#name.id = "view-name";
    this.#name.required = true;
    this.#name.maxLength = 60;
    this.#name.autocomplete = "off";
    const label = make("label", "", "Save this view as");
    label.htmlFor = this.#name.id;
    const form = make("form", "", label, this.#name, make("button", "again", "Save"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save(this.#name.value.trim());
    });
    this.#problem.hidden = true;
    this.#menu.content.append(this.#list, this.#none, form, this.#problem);
    const copy = make("button", "pill", "Copy link");
    copy.type = "button";
    copy.title = "Copies a link to this view";
    copy.addEventListener("click", () => void this.#copy(copy));
    this.element = make("div", "bookmarks", this.#menu.button, this.#menu.content, copy);
  }

  #draw(): void {
    this.#list.replaceChildren(
      ...this.#options.saved.all.map(({ name, place }) => {
        const link = make("a", "", name);
        link.href = place;
        link.addEventListener("click", () => this.#menu.close());
        const remove = make("button", "remove", "Remove");
        remove.type = "button";
        remove.setAttribute("aria-label", `Remove ${name}`);
        remove.addEventListener("click", () => {
          this.#options.saved.remove(name);
          this.#draw();
          this.#name.focus();
        });
        return make("li", "", link, remove);
      }),
    );
    this.#none.hidden = this.#list.childElementCount > 0;
    this.#list.hidden = !this.#none.hidden;
  }

  #save(name: string): void {
    if (name === "") return;
    const kept = this.#options.saved.save(name, this.#options.place());
    this.#problem.hidden = kept;
    setText(this.#problem, kept ? "" : "This browser lets the page keep nothing. Copy the link instead.");
    if (!kept) return;
    this.#name.value = "";
    this.#draw();
    this.#options.say(`Saved as ${name}.`);
  }

  async #copy(button: HTMLButtonElement): Promise<void> {
    const copied = await navigator.clipboard?.writeText(location.href).then(() => true, () => false);
    const said = copied ? "Link copied" : "Copy it from the address bar";
    setText(button, said);
    this.#options.say(`${said}.`);
    setTimeout(() => setText(button, "Copy link"), 2500);
  }
}
