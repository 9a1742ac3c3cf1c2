/**
 * Names that stand for users: `#` and the id of a group for its members, an e-mail address for the one user it belongs
 * to. A user id is not kept here, for it stands for itself.
 */
export class Coverage {
  #users = new Map<string, Set<string>>();
  #names = new Map<string, Set<string>>();
  #denied = new Set<string>();

  /** Whom a name stands for; undefined before the gateway's answer, and while it gives none. */
  users(name: string): ReadonlySet<string> | undefined {
    return this.#users.get(name);
  }

  /** The names that stand for a user. */
  names(user: string): Iterable<string> {
    return this.#names.get(user) ?? [];
  }

  /** Whether the gateway answered that the name stands for nobody this caller may see. */
  denied(name: string): boolean {
    return this.#denied.has(name);
  }

  /** Whether any name stands for the user. */
  covers(user: string): boolean {
    return this.#names.has(user);
  }

  /** Takes the gateway's whole answer about a name, undefined for none; returns who came or went by it. */
  set(name: string, users: ReadonlySet<string> | undefined): string[] {
    const before = this.forget(name).filter((user) => !users?.has(user));
    if (users === undefined) this.#denied.add(name);
    else this.#users.set(name, new Set());
    for (const user of users ?? []) this.add(name, user);
    return [...before, ...(users ?? [])];
  }

  /** Somebody came under a name that was answered; ignored for any other. */
  add(name: string, user: string): void {
    const users = this.#users.get(name);
    if (users === undefined) return;
    users.add(user);
    const names = this.#names.get(user);
    if (names === undefined) this.#names.set(user, new Set([name]));
    else names.add(name);
  }

  remove(name: string, user: string): void {
    this.#users.get(name)?.delete(user);
    const names = this.#names.get(user);
    if (names?.delete(name) && names.size === 0) this.#names.delete(user);
  }

  /** Nobody asks by this name any more; returns whom it stood for. */
  forget(name: string): string[] {
    this.#denied.delete(name);
    const users = [...(this.#users.get(name) ?? [])];
    for (const user of users) this.remove(name, user);
    this.#users.delete(name);
    return users;
  }
}

/** The name of everyone the gateway watches; who they are is not kept here. */
export const EVERYONE = "*";

/** The name of a group's members. */
export function groupName(id: string): string {
  return "#" + id;
}

/** Whether a name is that of a group. */
export function isGroup(name: string): boolean {
  return name.startsWith("#");
}

/** Whether a name is an e-mail address. */
export function isAddress(name: string): boolean {
  return name.includes("@");
}
