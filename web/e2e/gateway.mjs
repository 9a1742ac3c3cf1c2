// A small stand-in for the gateway and its simulated tenant, for working on the page without Go: it speaks just enough
// of the protocol, over the built files, and has no faults but those it is told to have.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { WebSocketServer } from "ws";

const dist = join(dirname(fileURLToPath(import.meta.url)), "..", "dist");
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css", ".svg": "image/svg+xml" };

const FIRST = ["Anna", "Jonas", "Mei", "José", "Priya", "Lukas", "Fatima", "Owen", "Ingrid", "Tomás", "Aiko", "Samuel", "Zoë", "Kwame", "Elena", "Noah", "Leila", "Pierre", "Marta", "Dmitri"];
const LAST = ["Lindqvist", "Okafor", "Tanaka", "Meyer", "García", "Sharma", "Novak", "O’Brien", "Rossi", "Haddad", "Kowalska", "Silva", "Petrov", "Nguyen", "Fischer", "Adeyemi", "Larsen", "Dubois"];
const TEAMS = { Engineering: ["Software Engineer", "Site Reliability Engineer", "Engineering Manager"], "Customer Care": ["Support Specialist", "Team Lead"], Finance: ["Controller", "Accountant"], Sales: ["Account Executive", "Regional Sales Manager, Central and Eastern Europe"], "People & Culture": ["HR Partner", "Recruiter"], Facilities: ["Receptionist", "Workplace Manager"] };
const STATES = [["Available", "Available"], ["Available", "Available"], ["Available", "Available"], ["Busy", "InACall"], ["Busy", "InAMeeting"], ["Busy", "Busy"], ["DoNotDisturb", "Presenting"], ["DoNotDisturb", "DoNotDisturb"], ["Away", "Away"], ["BeRightBack", "BeRightBack"], ["Offline", "Offline"], ["Offline", "OutOfOffice"], ["Offline", "OffWork"], ["Available", "OutOfOffice"], ["Busy", "OutOfOffice"], ["PresenceUnknown", "PresenceUnknown"], ["InTheTrain", "InTheTrain"]];

export async function startGateway({ port = 0, users = 60, heartbeatMs = 1000 } = {}) {
  const people = Array.from({ length: users }, (_, i) => {
    const teams = Object.keys(TEAMS);
    const department = teams[(i * 7 + (i % 11)) % teams.length];
    const titles = TEAMS[department];
    return {
      id: `${(0x10000000 + i * 7919).toString(16)}-eca7-46b7-bad1-${(0xdb199b620000 + i).toString(16)}`,
      displayName: `${FIRST[i % FIRST.length]} ${LAST[(i * 5 + Math.floor(i / 20)) % LAST.length]}`,
      department,
      jobTitle: titles[i % titles.length],
      groups: [],
    };
  });
  const states = new Map(people.map((p, i) => [p.id, state(...STATES[(i * 13 + (i % 5)) % STATES.length], 1)]));
  let status = { type: "status", state: "live" };
  const sockets = new Set();

  const server = createServer((request, response) => {
    const url = new URL(request.url, "http://gateway");
    const put = /^\/sim\/users\/([^/]+)\/presence$/.exec(url.pathname);
    if (put && request.method === "PUT") {
      let text = "";
      request.on("data", (c) => (text += c));
      request.on("end", () => {
        const { availability, activity } = JSON.parse(text);
        states.set(put[1], state(availability, activity, states.get(put[1]).n + 1));
        for (const s of sockets) if (s.watched.has(put[1])) send(s, { type: "delta", presences: [wire(put[1])] });
        response.writeHead(204).end();
      });
      return;
    }
    if (url.pathname === "/v1/settings") return json(response, { version: "0.0.0-stand-in", demo: true, signIn: { anonymous: true, apiKey: false } });
    if (url.pathname === "/v1/directory") {
      const from = Number(url.searchParams.get("next") ?? 0);
      const next = from + 1000 < people.length ? String(from + 1000) : undefined;
      return json(response, { people: people.slice(from, from + 1000), groups: [], next });
    }
    try {
      const path = url.pathname === "/" ? "/index.html" : url.pathname;
      const body = readFileSync(join(dist, path));
      const headers = { "content-type": TYPES[extname(path)], "access-control-allow-origin": "*", "cache-control": "no-cache" };
      if (path === "/index.html") headers["content-security-policy"] = `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' ws://${request.headers.host}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'`;
      response.writeHead(200, headers).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });

  const streams = new WebSocketServer({ server, path: "/v1/stream", handleProtocols: (offered) => (offered.has("presence.v1.json") ? "presence.v1.json" : false) });
  streams.on("connection", (socket) => {
    socket.watched = new Set();
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("message", (data) => {
      const m = JSON.parse(data);
      if (m.type === "ping") send(socket, { type: "pong", id: m.id, at: now() });
      if (m.type === "unsubscribe") {
        for (const id of m.users === "*" ? [...socket.watched] : m.users) socket.watched.delete(id);
        send(socket, { type: "ack", id: m.id });
      }
      if (m.type !== "subscribe") return;
      const asked = m.users === "*" ? people.map((p) => p.id) : m.users;
      const fresh = asked.filter((id) => states.has(id) && !socket.watched.has(id));
      for (const id of fresh) socket.watched.add(id);
      const presences = fresh.map(wire).filter((p) => m.known?.[p.id] !== p.version);
      const denied = asked.filter((id) => !states.has(id));
      for (let i = 0; i === 0 || i < presences.length; i += 800) {
        const more = i + 800 < presences.length;
        send(socket, { type: "snapshot", id: m.id, presences: presences.slice(i, i + 800), ...(i === 0 && { denied }), ...(more && { more }) });
      }
    });
    send(socket, { type: "hello", protocol: "presence.v1.json", connection: "c", heartbeatSeconds: heartbeatMs / 1000, limits: {} });
    send(socket, status);
  });
  const pulse = setInterval(() => {
    for (const s of sockets) send(s, { type: "heartbeat", at: now(), oldest: now(status.state === "live" ? -1800 : Date.parse(status.since) - Date.now()) });
  }, heartbeatMs);

  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));

  function wire(id) {
    const { n, availability, activity } = states.get(id);
    return { id, availability, activity, outOfOfficeSettings: { isOutOfOffice: activity === "OutOfOffice" }, version: `1.A${String(n).padStart(9, "0")}`, observedAt: now() };
  }

  return {
    url: `http://127.0.0.1:${server.address().port}`,
    setStatus(next) {
      status = { type: "status", ...next };
      for (const s of sockets) send(s, status);
    },
    async close() {
      clearInterval(pulse);
      for (const s of sockets) s.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function state(availability, activity, n) {
  return { availability, activity, n };
}

function send(socket, message) {
  socket.send(JSON.stringify(message));
}

function json(response, value) {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
}

function now(offset = 0) {
  return new Date(Date.now() + offset).toISOString();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await startGateway({ port: Number(process.env.PORT ?? 8090), users: Number(process.env.USERS ?? 60) });
  console.log(url);
}
