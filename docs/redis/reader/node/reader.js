// Follows the presences that a Presence Gateway keeps in Redis, and prints each state, once, when it is new, and who is
// dropped, one JSON object a line. It is an example of how to read without missing anything: docs/redis.md.
//
//   node reader.js redis://127.0.0.1:6379 [PREFIX]
//
// A user and a password may stand in the URL, or the password in REDIS_PASSWORD.
import { createClient } from "@redis/client";

const [url = "redis://127.0.0.1:6379", prefix = "presence"] = process.argv.slice(2);
const silence = 3000; // ms that a shard may say nothing: it is beaten each second
const SHARDS = 64;

const { username, password, host } = new URL(url);
const options = { url: `redis://${host}`, RESP: 2, disableClientInfo: true,
  username: username || undefined, password: process.env.REDIS_PASSWORD || decodeURIComponent(password) || undefined,
  socket: { connectTimeout: 1000, reconnectStrategy: (retries) => Math.min(50 * 2 ** retries, 500) } };
const client = createClient(options);
client.on("error", (error) => console.error(error.message));
await client.connect();

const shards = Array.from({ length: SHARDS }, (_, number) => ({
  name: `${prefix}:{s${String(number).padStart(2, "0")}}:`,
  heard: Date.now(),
  at: null, // where it stands; null: not loaded
  held: new Map(), // user -> presence, JSON
  queue: Promise.resolve(), // what is done one after the other
}));
const byChannel = new Map(shards.map((shard) => [shard.name + "deltas", shard]));

// One after the other for each shard: a message that comes while it loads waits, so that none is lost.
const then = (shard, work) => {
  shard.queue = shard.queue.then(work).catch((error) => {
    console.error(error.message);
    shard.at = null; // the next message finds nothing, and loads again
  });
};

const samePlace = (a, b) => a.epoch === b.epoch && a.offset === b.offset && a.count === b.count && a.digest === b.digest;

async function load(shard) {
  const [meta, state] = await client.multi()
    .hmGet(shard.name + "meta", ["epoch", "offset", "count", "digest"])
    .hGetAll(shard.name + "state")
    .exec();
  const [epoch, offset, count, digest] = meta.map((said) => said ?? "0");
  shard.at = { epoch, offset: Number(offset), count: Number(count), digest };
  const before = shard.held;
  shard.held = new Map();
  for (const [user, presence] of Object.entries(state)) {
    if (before.get(user) === presence) shard.held.set(user, presence);
    else set(shard, user, presence);
  }
  for (const user of before.keys()) {
    if (!shard.held.has(user)) console.log(JSON.stringify({ dropped: user }));
  }
  verify(shard);
}

async function apply(shard, text) {
  const message = JSON.parse(text);
  const { from, to } = message;
  if (shard.at && samePlace(to, shard.at)) return;
  if (shard.at && to.epoch === shard.at.epoch && to.offset <= shard.at.offset && !samePlace(from, shard.at)) return; // older than what was loaded
  if (!shard.at || message.reload || !samePlace(from, shard.at)) return load(shard); // something was missed
  for (const user of [...(message.forgotten ?? []), ...(message.lapsed ?? [])]) {
    if (shard.held.delete(user)) console.log(JSON.stringify({ dropped: user }));
  }
  // The gateway writes each state as JSON.stringify does, but for characters that it escapes: what is held is compared
  // and counted by its text, which is cut out of the message.
  for (const member of ["presences", "gone"]) {
    for (const presence of message[member] ?? []) set(shard, presence.id, cut(text, presence.id));
  }
  shard.at = to;
  if (!verify(shard)) return load(shard);
}

function set(shard, user, presence) {
  shard.held.set(user, presence);
  console.log(presence);
}

// cut returns a user's state as it is written in a message. A user is in a message once as the beginning of an object.
function cut(text, user) {
  const from = text.indexOf(`{"id":"${user}",`);
  let depth = 0;
  let quoted = false;
  for (let i = from; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c === "\\") i++;
      else if (c === '"') quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === "{") depth++;
    else if (c === "}" && --depth === 0) return text.slice(from, i + 1);
  }
  throw new Error("a message that is none");
}

// verify compares what is held with what it should be. A difference would be a mistake of the reader, or of the writer.
function verify(shard) {
  let sum = 0n;
  for (const presence of shard.held.values()) sum ^= digest(presence);
  if (shard.held.size === shard.at.count && sum === BigInt("0x" + shard.at.digest)) return true;
  console.error(`${shard.name} ${shard.held.size} states with digest ${sum.toString(16)}, want`, shard.at);
  return false;
}

const word = (n) => BigInt.asUintN(64, n);

function digest(presence) {
  const { id, version, gone } = JSON.parse(presence);
  let hash = fnv1a(`${id}\0${version}`);
  if (!gone) {
    const content = presence.slice(`{"id":"${id}",`.length);
    const end = content.indexOf(',"sequenceNumber":"');
    hash ^= fnv1a(content.slice(0, end >= 0 ? end : content.indexOf(',"version":"')));
  }
  hash = word((hash ^ (hash >> 33n)) * 0xff51afd7ed558ccdn);
  hash = word((hash ^ (hash >> 33n)) * 0xc4ceb9fe1a85ec53n);
  return hash ^ (hash >> 33n);
}

function fnv1a(text) {
  let hash = 14695981039346656037n;
  for (const byte of Buffer.from(text)) hash = word((hash ^ BigInt(byte)) * 1099511628211n);
  return hash;
}

// The listener is a connection of its own. It is made anew whenever it breaks or a shard says nothing, and every shard is
// loaded once its subscription is confirmed: what was published in between reached nobody.
async function listen() {
  const listener = createClient({ ...options, socket: { ...options.socket, reconnectStrategy: false } });
  const broken = new Promise((resolve) => {
    listener.on("error", resolve);
    listener.on("end", resolve);
  });
  let watch;
  const silent = new Promise((resolve) => {
    watch = setInterval(() => {
      if (shards.some((shard) => Date.now() - shard.heard > silence)) resolve(new Error("a shard says nothing")); // what is held may be old: say so where you show it
    }, 1000);
  });
  try {
    await listener.connect();
    await listener.subscribe([...byChannel.keys()], (text, channel) => {
      const shard = byChannel.get(channel);
      shard.heard = Date.now();
      then(shard, () => apply(shard, text));
    });
    for (const shard of shards) {
      shard.heard = Date.now();
      then(shard, () => load(shard));
    }
    throw await Promise.race([broken, silent]);
  } catch (error) {
    console.error(error?.message ?? "the connection ended");
  } finally {
    clearInterval(watch);
    listener.destroy?.();
  }
}

for (;;) {
  for (const shard of shards) shard.heard = Date.now();
  await listen();
  await new Promise((resolve) => setTimeout(resolve, 200));
}
