// Watches users of a Presence Gateway and says whether one may act on their states.
//   GATEWAY=https://presence.example.com PRESENCE_TOKEN=... node watch.mjs ID...
import WebSocket from "ws";

const MAX_AGE = Number(process.env.MAX_AGE ?? 30) * 1000; // how old a state may be to act on it
const url = new URL("v1/stream", (process.env.GATEWAY ?? "http://127.0.0.1:8080").replace(/^http/, "ws").replace(/\/*$/, "/"));
const users = process.argv.slice(2).map((id) => id.toLowerCase());

const states = new Map(); // id -> { presence, connection, heard }: the last known, and who vouches for it
let connection = 0; // the present one
let live = false; // the gateway is connected, reads Graph, and has answered what we asked
let clock; // { at, mark }: the gateway's clock was `at` when ours was `mark`
let oldest; // { at, heard }: nothing held then was last confirmed before
let heard = 0; // messages

const gatewayNow = () => clock && clock.at + performance.now() - clock.mark;

// The rule: act on a state only if it is live and young enough for the purpose. Else do what you would do without presence.
export function usable(id) {
  const state = states.get(id);
  if (!live || !state || state.connection !== connection || !clock) return undefined;
  let confirmed = Date.parse(state.presence.observedAt);
  if (oldest && state.heard < oldest.heard) confirmed = Math.max(confirmed, oldest.at);
  return gatewayNow() - confirmed <= MAX_AGE ? state.presence : undefined;
}

const say = (event) => console.log(JSON.stringify(event));

function connect(failures) {
  const mine = ++connection;
  let status, greeted, answered, wait, silence, heartbeat = 10_000;
  const pings = new Map(); // id -> when it was sent
  const token = process.env.PRESENCE_TOKEN; // ask your token source here: after 4401 it must be another one
  const socket = new WebSocket(url, "presence.v1.json", {
    handshakeTimeout: 10_000,
    headers: token ? { Authorization: `Bearer ${token}` } : {},
  });
  // Nothing heard for 2.5 heartbeats: the connection is dead, whatever the network says.
  const listen = () => {
    clearTimeout(silence);
    silence = setTimeout(() => socket.terminate(), greeted ? 2.5 * heartbeat : 10_000);
  };
  const ping = (id) => {
    pings.set(id, performance.now());
    socket.send(JSON.stringify({ type: "ping", id }));
  };
  const judge = () => {
    const now = status === "live" && answered && clock !== undefined;
    if (now !== live) say({ event: "status", live: (live = now) });
  };
  const put = (presence) => {
    const held = states.get(presence.id);
    // On one connection a state replaces an earlier version only; the first word of a new one replaces whatever is held.
    if (held?.connection === mine && presence.version <= held.presence.version) return;
    states.set(presence.id, { presence, connection: mine, heard });
    if (held?.presence.version !== presence.version) say({ event: "presence", ...presence });
  };
  const drop = (id, why) => {
    states.delete(id); // unknown from now on, which is not "offline"
    say({ event: "none", id, why });
  };
  const handlers = {
    hello(m) {
      greeted = performance.now();
      heartbeat = m.heartbeatSeconds * 1000;
      ping(0);
      const known = Object.fromEntries(users.filter((id) => states.has(id)).map((id) => [id, states.get(id).presence.version]));
      socket.send(JSON.stringify({ type: "subscribe", id: 1, users, known }));
    },
    status(m) { status = m.state; },
    snapshot(m) {
      m.presences.forEach(put);
      for (const why of ["pending", "gone", "denied", "invalid"]) m[why].forEach((id) => drop(id, why));
      if (m.more) return;
      for (const state of states.values()) state.connection = mine; // left out: held at exactly the version we told
      answered = true;
    },
    delta(m) { m.presences.forEach(put); },
    gone(m) { m.users.forEach((id) => drop(id, m.reason)); },
    heartbeat(m) {
      oldest = m.oldest && { at: Date.parse(m.oldest), heard };
      ping(0);
    },
    pong(m) { clock = { at: Date.parse(m.at), mark: pings.get(m.id) }; }, // no later than this: ages are never too low
    error(m) { say({ event: "refused", code: m.code, message: m.message }); },
    goodbye(m) {
      wait = m.reconnectAfterMs;
      if (m.reason !== "draining") states.clear(); // one may see other fields now
    },
  };
  socket.on("message", (text) => {
    try {
      heard++;
      const m = JSON.parse(text);
      handlers[m.type]?.(m); // types that are new are ignored
    } catch {
      return socket.terminate(); // what was misread may have been a state: a new connection gives them all again
    }
    listen();
    judge();
  });
  socket.on("error", () => {}); // "close" follows
  socket.on("close", (code) => {
    clearTimeout(silence);
    status = clock = oldest = undefined;
    judge();
    if ([1009, 4400, 4401, 4403].includes(code)) { // the same attempt cannot succeed later
      say({ event: "refused", code });
      process.exit(1);
    }
    if (greeted && performance.now() - greeted > 10_000) failures = 0; // it held
    wait ??= Math.random() * Math.min(30_000, 500 * 2 ** failures); // full jitter, drawn anew each time
    setTimeout(connect, wait, failures + 1);
  });
  listen();
}

connect(0);
if (process.env.ACT_EVERY) setInterval(() => users.forEach((id) => say({ event: "usable", id, presence: usable(id) ?? null })), process.env.ACT_EVERY * 1000);
