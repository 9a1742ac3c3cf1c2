/**
 * The messages of `presence.v1.json`, and the one place where unknown JSON becomes a typed value. Unknown fields are
 * ignored, unknown message types too; a message of a known type with a missing or mistyped field is refused whole,
 * because a state that was misread is worse than a connection made anew.
 */

export const SUBPROTOCOL = "presence.v1.json";

/** The whole state of one user, with Graph's own names and values, which may be ones nobody knew when this was written. */
export interface Presence {
  readonly id: string;
  readonly availability: string;
  readonly activity: string;
  readonly outOfOfficeSettings?: { readonly isOutOfOffice?: boolean; readonly message?: string };
  readonly statusMessage?: { readonly message?: { readonly content?: string } };
  readonly workLocation?: { readonly workLocationType?: string; readonly source?: string; readonly placeId?: string };
  readonly since?: { readonly at: string; readonly withinMs: number };
  readonly sequenceNumber?: string;
  /** Sorts byte by byte in the order of this user's states. */
  readonly version: string;
  /** Graph confirmed this state in a read begun at this time (ISO 8601, the gateway's clock) or later. */
  readonly observedAt: string;
}

export interface Hello {
  readonly type: "hello";
  readonly heartbeatSeconds: number;
}
export interface Status {
  readonly type: "status";
  readonly state: "live" | "degraded";
  readonly reason: string;
  /** ISO 8601, the gateway's clock; empty while live. */
  readonly since: string;
}
export interface Snapshot {
  readonly type: "snapshot";
  readonly id: number;
  readonly presences: readonly Presence[];
  readonly pending: readonly string[];
  readonly gone: readonly string[];
  readonly denied: readonly string[];
  readonly invalid: readonly string[];
  /** The user id behind each e-mail address that has one this caller may see. */
  readonly resolved: ReadonlyMap<string, string>;
  /** User ids by group id. The members of a large group come in several parts. */
  readonly members: Lists;
  readonly more: boolean;
}
export interface Delta {
  readonly type: "delta";
  readonly presences: readonly Presence[];
  /** Who joined and who left subscribed groups: user ids by group id. */
  readonly joined: Lists;
  readonly left: Lists;
}
/** User ids by the name of what they are in. */
export type Lists = ReadonlyMap<string, readonly string[]>;
export interface Gone {
  readonly type: "gone";
  readonly users: readonly string[];
  readonly reason: string;
}
export interface Heartbeat {
  readonly type: "heartbeat";
  /** The gateway's clock, in milliseconds since 1970. */
  readonly at: number;
  /** No state held was last confirmed before this time of the gateway's clock; absent while none is held. */
  readonly oldest?: number;
}
export interface Pong {
  readonly type: "pong";
  readonly at: number;
}
export interface Ack {
  readonly type: "ack";
  readonly id: number;
}
export interface Refusal {
  readonly type: "error";
  readonly id: number;
  readonly code: string;
  readonly message: string;
}
/** The sign-in ends soon. */
export interface Expiring {
  readonly type: "expiring";
  readonly inSeconds: number;
}
export interface Goodbye {
  readonly type: "goodbye";
  readonly reason: string;
  readonly reconnectAfterMs: number;
}

export type ServerMessage =
  | Hello | Status | Snapshot | Delta | Gone | Heartbeat | Pong | Ack | Refusal | Expiring | Goodbye;

/** A message that is none. It names the field that is not as it should be. */
export class ProtocolError extends Error {
  override name = "ProtocolError";
}

/** Reads a value of a field with this name, or refuses it. */
type Read<T> = (value: unknown, name: string) => T;
type Fields<T> = { [K in keyof T]-?: Read<Exclude<T[K], undefined> | undefined> };

function where<T, Found = T>(read: Read<T>, fits: (value: T) => boolean): Read<Found> {
  return (value, name) => {
    const found = read(value, name);
    if (!fits(found)) throw new ProtocolError(name);
    return found as unknown as Found;
  };
}

const any: Read<unknown> = (value) => value;
const text = where<unknown, string>(any, (v) => typeof v === "string");
const array = where<unknown, unknown[]>(any, Array.isArray);
const object = where<unknown, Record<string, unknown>>(any, (v) => typeof v === "object" && v !== null && !Array.isArray(v));

/** What is missing, or null, which Graph uses for it. */
function or<T, M>(read: Read<T>, missing: M): Read<T | M> {
  return (value, name) => (value === undefined || value === null ? missing : read(value, name));
}

function optional<T>(read: Read<T>): Read<T | undefined> {
  return or(read, undefined);
}

/** An object with the fields that have a value; of others it takes no notice. */
function shape<T>(fields: Fields<T>): Read<T> {
  return (value, name) => {
    const from = object(value, name);
    const out: Partial<T> = {};
    for (const key in fields) {
      const found = fields[key](from[key], key);
      if (found !== undefined) out[key] = found;
    }
    return out as T;
  };
}

function list<T>(read: Read<T>): Read<T[]> {
  return (value, name) => array(value ?? [], name).map((one) => read(one, name));
}

/** An object as a map, in which no name is special. */
function map<T>(key: Read<string>, read: Read<T>): Read<Map<string, T>> {
  return (value, name) => new Map(Object.entries(object(value ?? {}, name)).map(([k, one]) => [key(k, name), read(one, k)]));
}

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const flag: Read<boolean> = (value) => value === true;
const words = or(text, "");
const guid = where(text, (id) => GUID.test(id));
const number = or(where<unknown, number>(any, (v) => typeof v === "number"), 0);
const notBelowZero: Read<number> = (value, name) => Math.max(0, number(value, name));
const timeText = where(text, (at) => !Number.isNaN(Date.parse(at)));
const time: Read<number> = (value, name) => Date.parse(timeText(value, name));

/** Decodes one presence object, keeping only the fields named in Presence. */
export const presence: Read<Presence> = shape<Presence>({
  id: guid,
  availability: text,
  activity: text,
  outOfOfficeSettings: optional(shape({ isOutOfOffice: or(flag, undefined), message: optional(text) })),
  statusMessage: optional(shape({ message: optional(shape({ content: optional(text) })) })),
  workLocation: optional(shape({ workLocationType: optional(text), source: optional(text), placeId: optional(text) })),
  since: optional(shape({ at: timeText, withinMs: number })),
  sequenceNumber: optional(text),
  version: where(text, (version) => /^[\x20-\x7e]+$/.test(version)),
  observedAt: timeText,
});

const guids = list(guid);
const presences = list(presence);
const members = map(guid, guids);

const MESSAGES: { [T in ServerMessage["type"]]: Fields<Omit<Extract<ServerMessage, { type: T }>, "type">> } = {
  hello: { heartbeatSeconds: where(number, (seconds) => seconds > 0) },
  status: { state: where<string, "live" | "degraded">(text, (state) => state === "live" || state === "degraded"), reason: words, since: words },
  snapshot: {
    id: number,
    presences,
    pending: guids,
    gone: guids,
    denied: list(text),
    invalid: list(text),
    resolved: map(text, guid),
    members,
    more: flag,
  },
  delta: { presences, joined: members, left: members },
  gone: { users: guids, reason: words },
  heartbeat: { at: time, oldest: optional(time) },
  pong: { at: time },
  ack: { id: number },
  error: { id: number, code: text, message: words },
  expiring: { inSeconds: notBelowZero },
  goodbye: { reason: words, reconnectAfterMs: notBelowZero },
};

/** Decodes one frame; undefined for a type unknown here. Throws a ProtocolError for a frame that breaks the protocol. */
export function decode(frame: unknown): ServerMessage | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text(frame, "frame"));
  } catch {
    throw new ProtocolError("frame");
  }
  const type = text(object(json, "message").type, "type");
  if (!Object.hasOwn(MESSAGES, type)) return undefined;
  return { type, ...shape(MESSAGES[type as "pong"])(json, type) } as ServerMessage;
}

/** The user id in the form the gateway answers with, or undefined for what is no id. */
export function userId(text: string | null | undefined): string | undefined {
  const id = text?.trim().toLowerCase();
  return id !== undefined && GUID.test(id) ? id : undefined;
}

/** The form in which an e-mail address is asked for, in any letter case the same, or undefined for what is none. */
export function address(text: string | null | undefined): string | undefined {
  const name = text?.trim().toLowerCase();
  return name !== undefined && /^[^\s@#][^\s@]*@[^\s@]+$/.test(name) ? name : undefined;
}
