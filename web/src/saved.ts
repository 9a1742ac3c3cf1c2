/** A view somebody named: whom they show and how, never what anybody's presence was. */
export interface Saved {
  readonly name: string;
  /** Fragment of the address. */
  readonly place: string;
}

const KEY = "presence-gateway.views";
/** So many are kept at most. */
const MOST = 50;

/** The views saved in this browser, by name. */
export class SavedViews {
  #storage: Pick<Storage, "getItem" | "setItem">;

  constructor(storage: Pick<Storage, "getItem" | "setItem">) {
    this.#storage = storage;
  }

  get all(): readonly Saved[] {
    try {
      const list: unknown = JSON.parse(this.#storage.getItem(KEY) ?? "[]");
      return Array.isArray(list) ? list.filter(sound) : [];
    } catch {
      return [];
    }
  }

  /** Saves a place under a name; one of the same name is replaced. Reports whether the browser keeps it. */
  save(name: string, place: string): boolean {
    const rest = this.all.filter((s) => s.name !== name);
    return this.#keep([...rest, { name, place }].slice(-MOST));
  }

  remove(name: string): boolean {
    return this.#keep(this.all.filter((s) => s.name !== name));
  }

  #keep(list: readonly Saved[]): boolean {
    try {
      this.#storage.setItem(KEY, JSON.stringify(list.toSorted((a, b) => a.name.localeCompare(b.name))));
      return true;
    } catch {
      return false;
    }
  }
}

function sound(v: unknown): v is Saved {
  const { name, place } = (v ?? {}) as Record<string, unknown>;
  return typeof name === "string" && name !== "" && typeof place === "string" && place.startsWith("#");
}
