import { Avatar } from "./card.ts";
import type { Client } from "./client.ts";
import { Bell } from "./bell.ts";
import type { Person } from "./directory.ts";
import { byId, make, setText } from "./dom.ts";
import { face } from "./face.ts";
import { Menu } from "./menu.ts";
import { storage } from "./storage.ts";

export interface WaitingOptions {
  readonly client: Client;
  readonly person: (id: string) => Person | undefined;
  /** Opens someone close up. */
  readonly open: (id: string) => void;
  readonly say: (text: string) => void;
  /** Others are waited for than before. */
  readonly onChange: () => void;
}

/** Whom the reader waits for, in a menu of the top bar, and the news when one of them is available. */
export class Waiting {
  readonly bell: Bell;
  #options: WaitingOptions;
  #menu = new Menu("waiting", "Waiting for", () => this.#draw());
  #list = make("ul", "saved");
  #how = make("p", "detail");
  #news = byId("news");
  #title = document.title;

  constructor(options: WaitingOptions) {
    this.#options = options;
    const { client } = options;
    this.bell = new Bell({
      client,
      tab: storage("sessionStorage"),
      onFree: (id) => this.#tell(id, "is available"),
      onAlready: (id) => this.#tell(id, "is available already", false),
      onChange: () => this.#changed(),
    });
    this.#menu.button.hidden = true;
    this.#menu.content.append(this.#list, this.#how);
    byId("account").before(this.#menu.button, this.#menu.content);
  }

  /** Begins to wait for someone, or ends that. Only this asks the browser for leave to notify. */
  async toggle(id: string): Promise<void> {
    const { bell } = this;
    const name = this.#name(id);
    if (bell.waitsFor(id)) {
      bell.cancel(id);
      this.#options.say(`No longer waiting for ${name}.`);
      return;
    }
    bell.wait(id);
    if (!bell.waitsFor(id)) return;
    this.#options.say(`You will be told when ${name} is available.`);
    if (globalThis.Notification?.permission === "default") await Notification.requestPermission();
    this.#draw();
  }

  /** Brings the states in the open menu up to date. */
  update(ids: ReadonlySet<string>): void {
    if (this.#menu.content.matches(":popover-open") && this.bell.waiting.some((id) => ids.has(id))) this.#states();
  }

  #changed(): void {
    const n = this.bell.waiting.length;
    if (n === 0 && this.#menu.content.matches(":popover-open")) this.#menu.close();
    this.#menu.button.hidden = n === 0;
    setText(this.#menu.button, `Waiting for ${n}`);
    if (this.#menu.content.matches(":popover-open")) this.#draw();
    this.#options.onChange();
  }

  #draw(): void {
    const { permission } = globalThis.Notification ?? { permission: "denied" };
    const granted = "You will be notified once, even while you look at another page. This page has to stay open.";
    const here = "This browser does not let the page notify you: it will say so here, and in its title. It has to stay open.";
    setText(this.#how, permission === "granted" ? granted : here);
    this.#list.replaceChildren(
      ...this.bell.waiting.map((id) => {
        const cancel = make("button", "remove", "Cancel");
        cancel.type = "button";
        cancel.setAttribute("aria-label", `Cancel waiting for ${this.#name(id)}`);
        cancel.addEventListener("click", () => {
          this.bell.cancel(id);
          this.#list.querySelector("button")?.focus();
        });
        const row = make("li", "", make("span", "who", make("span", "name", this.#name(id)), make("span", "title")), cancel);
        row.dataset.id = id;
        return row;
      }),
    );
    this.#states();
  }

  #states(): void {
    for (const row of this.#list.querySelectorAll<HTMLElement>("[data-id]")) {
      setText(row.querySelector(".title")!, face(this.#options.client.view(row.dataset.id!)).label);
    }
  }

  #tell(id: string, what: string, news = true): void {
    const { person, open, say } = this.#options;
    const text = `${this.#name(id)} ${what}`;
    const dismiss = make("button", "remove", "Dismiss");
    const show = make("button", "again", "Show");
    const avatar = new Avatar(person(id) ?? { id, name: "", title: "", department: "", groups: [] });
    avatar.draw(face(this.#options.client.view(id)));
    const item = make("li", "toast", avatar.element, make("strong", "", text), show, dismiss);
    const drop = () => {
      const next = item.nextElementSibling ?? item.previousElementSibling;
      const focused = item.contains(document.activeElement);
      item.remove();
      if (focused) (next?.querySelector("button") ?? byId("search")).focus();
      this.#count();
    };
    show.type = dismiss.type = "button";
    show.addEventListener("click", () => {
      drop();
      open(id);
    });
    dismiss.addEventListener("click", drop);
    dismiss.setAttribute("aria-label", `Dismiss: ${text}`);
    this.#news.append(item);
    this.#count();
    say(`${text}.`);
    if (news) notify(text, id, () => show.click());
  }

  /** News not yet dismissed are counted in the title, for who looks at another tab. */
  #count(): void {
    const n = this.#news.childElementCount;
    this.#news.hidden = n === 0;
    document.title = n === 0 ? this.#title : `(${n}) ${this.#title}`;
  }

  #name(id: string): string {
    return this.#options.person(id)?.name ?? "someone";
  }
}

/** A notification of the system's, where the reader allowed them. */
function notify(text: string, id: string, onClick: () => void): void {
  if (globalThis.Notification?.permission !== "granted") return;
  try {
    const shown = new Notification(text, { tag: `presence-gateway.${id}`, icon: document.querySelector<HTMLLinkElement>("link[rel=icon]")!.href });
    shown.addEventListener("click", () => {
      window.focus();
      onClick();
      shown.close();
    });
  } catch {
    // Some browsers let only service workers notify: the page itself tells.
  }
}
