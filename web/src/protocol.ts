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

/** A message that is none. */
export class ProtocolError extends Error {
  override name = "ProtocolError";
}

type Fields = Record<string, unknown>;

/** Decodes one frame; undefined for a type unknown here. Throws a ProtocolError for a frame that breaks the protocol. */
export function decode(frame: unknown): ServerMessage | undefined {
  if (typeof frame !== "string") throw new ProtocolError("frame is not text");
  let json: unknown;
  try {
    json = JSON.parse(frame);
  } catch {
    throw new ProtocolError("frame is not JSON");
  }
  const m = object(json, "message");
  switch (m.type) {
    case "hello":
      return { type: "hello", heartbeatSeconds: positive(m, "heartbeatSeconds") };
    case "status":
      return status(m);
    case "snapshot":
      return {
        type: "snapshot",
        id: optionalNumber(m, "id"),
        presences: presences(m),
        pending: strings(m, "pending"),
        gone: strings(m, "gone"),
        denied: strings(m, "denied"),
        invalid: strings(m, "invalid"),
        resolved: map(m, "resolved", (of, name) => guid(string(of, name))),
        members: lists(m, "members"),
        more: m.more === true,
      };
    case "delta":
      return { type: "delta", presences: presences(m), joined: lists(m, "joined"), left: lists(m, "left") };
    case "gone":
      return { type: "gone", users: strings(m, "users"), reason: optionalString(m, "reason") };
    case "heartbeat": {
      const at = time(m, "at");
      return m.oldest === undefined ? { type: "heartbeat", at } : { type: "heartbeat", at, oldest: time(m, "oldest") };
    }
    case "pong":
      return { type: "pong", at: time(m, "at") };
    case "ack":
      return { type: "ack", id: optionalNumber(m, "id") };
    case "error":
      return { type: "error", id: optionalNumber(m, "id"), code: string(m, "code"), message: optionalString(m, "message") };
    case "expiring":
      return { type: "expiring", inSeconds: Math.max(0, optionalNumber(m, "inSeconds")) };
    case "goodbye":
      return { type: "goodbye", reason: optionalString(m, "reason"), reconnectAfterMs: Math.max(0, optionalNumber(m, "reconnectAfterMs")) };
  }
  string(m, "type");
  return undefined;
}

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

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

function status(m: Fields): Status {
  const state = string(m, "state");
  if (state !== "live" && state !== "degraded") throw new ProtocolError(`status: unknown state ${state}`);
  return { type: "status", state, reason: optionalString(m, "reason"), since: optionalString(m, "since") };
}

function presences(m: Fields): Presence[] {
  return list(m, "presences").map(presence);
}

/** Decodes one presence object, keeping only the fields named in Presence. */
export function presence(json: unknown): Presence {
  const p = object(json, "presence");
  const id = guid(string(p, "id"));
  const version = string(p, "version");
  if (!/^[\x20-\x7e]+$/.test(version)) throw new ProtocolError("presence: version is not printable ASCII");
  time(p, "observedAt");
  const out: { -readonly [K in keyof Presence]: Presence[K] } = {
    id,
    availability: string(p, "availability"),
    activity: string(p, "activity"),
    version,
    observedAt: string(p, "observedAt"),
  };
  if (has(p, "sequenceNumber")) out.sequenceNumber = string(p, "sequenceNumber");
  if (has(p, "outOfOfficeSettings")) {
    const o = object(p.outOfOfficeSettings, "outOfOfficeSettings");
    out.outOfOfficeSettings = {
      ...(has(o, "isOutOfOffice") && { isOutOfOffice: o.isOutOfOffice === true }),
      ...(has(o, "message") && { message: string(o, "message") }),
    };
  }
  if (has(p, "statusMessage")) {
    const s = object(p.statusMessage, "statusMessage");
    const content = has(s, "message") ? optionalString(object(s.message, "message"), "content") : "";
    out.statusMessage = content === "" ? {} : { message: { content } };
  }
  if (has(p, "workLocation")) {
    const w = object(p.workLocation, "workLocation");
    out.workLocation = {
      ...(has(w, "workLocationType") && { workLocationType: string(w, "workLocationType") }),
      ...(has(w, "source") && { source: string(w, "source") }),
      ...(has(w, "placeId") && { placeId: string(w, "placeId") }),
    };
  }
  if (has(p, "since")) {
    const s = object(p.since, "since");
    time(s, "at");
    out.since = { at: string(s, "at"), withinMs: optionalNumber(s, "withinMs") };
  }
  return out;
}

function has(m: Fields, key: string): boolean {
  return m[key] !== undefined && m[key] !== null;
}

function object(v: unknown, what: string): Fields {
  if (typeof v !== "object" || v === null || Array.isArray(v)) throw new ProtocolError(`${what} is not an object`);
  return v as Fields;
}

function list(m: Fields, key: string): unknown[] {
  const v = m[key];
  if (v === undefined || v === null) return [];
  if (!Array.isArray(v)) throw new ProtocolError(`${key} is not a list`);
  return v;
}

function guid(id: string): string {
  if (!GUID.test(id)) throw new ProtocolError("an id is not a lower-case GUID");
  return id;
}

/** An object as a map, which knows no `__proto__`. */
function map<T>(m: Fields, key: string, read: (of: Fields, name: string) => T): Map<string, T> {
  if (!has(m, key)) return new Map();
  const of = object(m[key], key);
  return new Map(Object.keys(of).map((name) => [name, read(of, name)]));
}

function lists(m: Fields, key: string): Map<string, string[]> {
  return map(m, key, (of, group) => (guid(group), strings(of, group).map(guid)));
}

function strings(m: Fields, key: string): string[] {
  const v = list(m, key);
  if (!v.every((s) => typeof s === "string")) throw new ProtocolError(`${key} is not a list of strings`);
  return v;
}

function string(m: Fields, key: string): string {
  const v = m[key];
  if (typeof v !== "string") throw new ProtocolError(`${key} is not a string`);
  return v;
}

function optionalString(m: Fields, key: string): string {
  return has(m, key) ? string(m, key) : "";
}

function optionalNumber(m: Fields, key: string): number {
  const v = m[key] ?? 0;
  if (typeof v !== "number" || !Number.isFinite(v)) throw new ProtocolError(`${key} is not a number`);
  return v;
}

function positive(m: Fields, key: string): number {
  const v = optionalNumber(m, key);
  if (v <= 0) throw new ProtocolError(`${key} is not above zero`);
  return v;
}

function time(m: Fields, key: string): number {
  const t = Date.parse(string(m, key));
  if (Number.isNaN(t)) throw new ProtocolError(`${key} is not a time`);
  return t;
}
