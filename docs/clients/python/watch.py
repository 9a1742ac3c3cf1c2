"""Watches users of a Presence Gateway and says whether one may act on their states. Needs `websockets`, 10 to 13.
GATEWAY=https://presence.example.com PRESENCE_TOKEN=... python3 watch.py ID..."""
import asyncio, json, os, random, sys, time
from datetime import datetime
import websockets

MAX_AGE = float(os.environ.get("MAX_AGE", "30"))  # seconds a state may be old to act on it
URL = os.environ.get("GATEWAY", "http://127.0.0.1:8080").replace("http", "ws", 1).rstrip("/") + "/v1/stream"
FINAL = {1009, 4400, 4401, 4403}  # the same attempt cannot succeed later; after 4401 one with another token may

seconds = lambda instant: datetime.fromisoformat(instant.replace("Z", "+00:00")).timestamp()
say = lambda event, **members: print(json.dumps({"event": event, **members}), flush=True)

class Reader:
    def __init__(self, users):
        self.users = [user.lower() for user in users]
        self.states = {}  # id -> [presence, the connection that vouches for it, the message that brought it]
        self.connection, self.heard, self.live = 0, 0, False  # live: connected, reading Graph, our question answered

    def usable(self, user):
        """The rule: act on a state only if it is live and young enough for the purpose. Else do what you would do without."""
        presence, connection, heard = self.states.get(user, (None, 0, 0))
        if not self.live or connection != self.connection:
            return None
        confirmed = seconds(presence["observedAt"])
        if self.oldest and heard < self.oldest[1]:  # nothing held then was last confirmed before
            confirmed = max(confirmed, self.oldest[0])
        return presence if self.clock[0] + time.monotonic() - self.clock[1] - confirmed <= MAX_AGE else None

    def put(self, presence):
        held, connection, _ = self.states.get(presence["id"], ({}, 0, 0))
        # On one connection a state replaces an earlier version only; the first word of a new one replaces whatever is held.
        if connection == self.connection and presence["version"] <= held["version"]:
            return
        self.states[presence["id"]] = [presence, self.connection, self.heard]
        if presence["version"] != held.get("version"):
            say("presence", **presence)

    def drop(self, users, why):
        for user in users:
            self.states.pop(user, None)  # unknown from now on, which is not "offline"
            say("none", id=user, why=why)

    def judge(self):
        before, self.live = self.live, self.status == "live" and self.answered and self.clock is not None
        if self.live != before:
            say("status", live=self.live)

    async def take(self, socket, m):
        self.heard += 1
        kind = m["type"]  # types that are new are ignored
        if kind == "hello":
            self.heartbeat, self.greeted = m["heartbeatSeconds"], time.monotonic()
            known = {user: state[0]["version"] for user, state in self.states.items()}
            await socket.send(json.dumps({"type": "subscribe", "id": 1, "users": self.users, "known": known}))
        elif kind == "status":
            self.status = m["state"]
        elif kind in ("snapshot", "delta"):
            for presence in m["presences"]:
                self.put(presence)
            for why in ("pending", "gone", "denied", "invalid"):
                self.drop(m.get(why, ()), why)
            if kind == "snapshot" and not m.get("more"):
                for state in self.states.values():
                    state[1] = self.connection  # left out: held at exactly the version we told
                self.answered = True
        elif kind == "gone":
            self.drop(m["users"], m["reason"])
        elif kind == "heartbeat":
            self.oldest = (seconds(m["oldest"]), self.heard) if "oldest" in m else None
        elif kind == "pong":
            self.clock = (seconds(m["at"]), self.pinged)  # no later than this: ages are never too low
        elif kind == "error":
            say("refused", code=m["code"], message=m["message"])
        elif kind == "goodbye":
            self.wait = m["reconnectAfterMs"] / 1000
            self.states = self.states if m["reason"] == "draining" else {}  # one may see other fields now
        if kind in ("hello", "heartbeat"):
            self.pinged = time.monotonic()
            await socket.send('{"type":"ping"}')
        self.judge()

    async def connect(self):
        """One connection. Nothing heard for 2.5 heartbeats is an end too, whatever the network says."""
        self.connection += 1
        self.heartbeat, self.greeted, self.wait, self.answered = 4, None, None, False
        self.status = self.clock = self.oldest = None
        token = os.environ.get("PRESENCE_TOKEN")  # ask your token source here: after 4401 it must be another one
        try:
            async with websockets.connect(URL, subprotocols=["presence.v1.json"], open_timeout=10, close_timeout=1, max_size=1 << 18,
                                          ping_interval=None, extra_headers={"Authorization": "Bearer " + token} if token else {}) as socket:
                while True:
                    await self.take(socket, json.loads(await asyncio.wait_for(socket.recv(), 2.5 * self.heartbeat)))
        except (OSError, asyncio.TimeoutError, websockets.WebSocketException, LookupError, ValueError) as error:
            self.status = None
            self.judge()
            if getattr(getattr(error, "rcvd", None), "code", None) in FINAL:
                say("refused", code=error.rcvd.code)
                sys.exit(1)

    async def run(self, failures=0):
        while True:
            await self.connect()
            if self.greeted and time.monotonic() - self.greeted > 10:
                failures = 0  # it held
            jitter = random.uniform(0, min(30, 0.5 * 2 ** min(failures, 9)))  # full, and drawn anew each time
            await asyncio.sleep(jitter if self.wait is None else self.wait)
            failures += 1

    async def act(self, every):
        while every < float("inf"):
            await asyncio.sleep(every)
            for user in self.users:
                say("usable", id=user, presence=self.usable(user))

async def main(reader):
    await asyncio.gather(reader.run(), reader.act(float(os.environ.get("ACT_EVERY", "inf"))))

asyncio.run(main(Reader(sys.argv[1:])))
