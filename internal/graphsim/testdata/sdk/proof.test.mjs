// Reads a simulated tenant with the official SDK for JavaScript. The tenant's
// origins (http and https), ids and group come by the environment.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

const { BatchRequestContent, BatchResponseContent, Client, HTTPMessageHandler, PageIterator, RetryHandler, RetryHandlerOptions } =
  createRequire(import.meta.url)("@microsoft/microsoft-graph-client");

const { plain, secure, host, users, group, members } = JSON.parse(process.env.GRAPHSIM_TENANT);

// Over http the SDK's own authentication removes the token, so this chain
// brings its own.
class Bearer {
  async execute(context) {
    context.options.headers = { ...(context.options.headers || {}), Authorization: "Bearer token" };
    await this.next.execute(context);
  }
  setNext(next) {
    this.next = next;
  }
}

function overHTTP() {
  const bearer = new Bearer();
  const retry = new RetryHandler(new RetryHandlerOptions());
  bearer.setNext(retry);
  retry.setNext(new HTTPMessageHandler());
  return Client.initWithMiddleware({ baseUrl: plain + "/", defaultVersion: "v1.0", middleware: bearer });
}

function overTLS() {
  return Client.init({
    baseUrl: secure + "/",
    defaultVersion: "v1.0",
    customHosts: new Set([host]),
    authProvider: (done) => done(null, "token"),
  });
}

async function sim(method, path, body) {
  const answer = await fetch(plain + path, { method, body: body && JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  assert.equal(answer.status, 200);
  return answer.json();
}

const truth = (id) => sim("GET", `/sim/users/${id}/presence`);

async function same(got) {
  const want = await truth(got.id);
  for (const name of ["availability", "activity", "sequenceNumber"]) assert.equal(got[name], want[name]);
  for (const name of ["outOfOfficeSettings", "statusMessage", "workLocation"]) assert.deepEqual(got[name], want[name]);
}

for (const [name, connect] of [["http", overHTTP], ["https", overTLS]]) {
  test(`single reads over ${name}`, async () => {
    const client = connect();
    await sim("PUT", `/sim/users/${users[0]}/presence`, { availability: "Busy", activity: "InACall", statusMessage: "Grüße 👋" });
    await same(await client.api(`/users/${users[0]}/presence`).get());
    await same(await client.api(`/communications/presences/${users[1]}`).get());
    const me = await client.api("/me/presence").get();
    assert.equal(me.id, users[0]);
    assert.equal(me.statusMessage.message.content, "Grüße 👋");
    assert.ok(me.statusMessage.publishedDateTime);
  });

  test(`getPresencesByUserId over ${name}`, async () => {
    const answer = await connect().api("/communications/getPresencesByUserId").post({ ids: users });
    assert.deepEqual(answer.value.map((p) => p.id), users);
    for (const presence of answer.value.slice(0, 5)) await same(presence);
  });

  test(`errors over ${name}`, async () => {
    const client = connect();
    await assert.rejects(client.api("/users/00000000-0000-4000-8000-000000000000/presence").get(), (e) => {
      assert.equal(e.statusCode, 404);
      assert.equal(e.code, "NotFound");
      assert.match(e.requestId, /^[0-9a-f-]{36}$/);
      return true;
    });
    const many = Array.from({ length: 651 }, () => users[0]);
    await assert.rejects(client.api("/communications/getPresencesByUserId").post({ ids: many }), (e) => e.statusCode === 400 && e.code === "BadRequest");
  });

  test(`$batch over ${name}`, async () => {
    const content = new BatchRequestContent([
      { id: "1", request: new Request(`${secure}/users/${users[0]}/presence`, { method: "GET" }) },
      {
        id: "2",
        request: new Request(`${secure}/communications/getPresencesByUserId`, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ ids: users.slice(0, 3) }),
        }),
      },
      { id: "3", request: new Request(`${secure}/users/moon/presence`, { method: "GET" }) },
    ]);
    const body = await content.getContent();
    // The SDK keeps the path of each request as the url of its part.
    const answers = new BatchResponseContent(await connect().api("/$batch").post(body));
    await same(await answers.getResponseById("1").json());
    assert.equal((await answers.getResponseById("2").json()).value.length, 3);
    assert.equal(answers.getResponseById("3").status, 400);
  });
}

const query = `/groups/${group}/transitiveMembers/microsoft.graph.user?$select=id,displayName&$top=40&$count=true`;

test("group members in pages over https, by the SDK's own page iterator", async () => {
  const client = overTLS();
  const headers = { ConsistencyLevel: "eventual" };
  const first = await client.api(query).headers(headers).get();
  assert.equal(first["@odata.count"], members.length);
  const seen = [];
  await new PageIterator(client, first, (user) => seen.push(user.id) > 0, { headers }).iterate();
  assert.deepEqual(seen, members);
});

test("group members in pages over http, by relative links", async () => {
  const client = overHTTP();
  const seen = [];
  for (let path = query; path; ) {
    const page = await client.api(path).header("ConsistencyLevel", "eventual").get();
    seen.push(...page.value.map((user) => user.id));
    path = page["@odata.nextLink"]?.replace(`${plain}/v1.0`, "");
  }
  assert.deepEqual(seen, members);
});

test("a refusal with Retry-After is retried by the SDK when it says, and not before", async () => {
  await sim("POST", "/sim/reset");
  await sim("PUT", "/sim/faults", { status: { status: 429, retryAfter: 2, count: 1 } });
  const began = Date.now();
  await same(await overHTTP().api(`/users/${users[1]}/presence`).get());
  assert.ok(Date.now() - began >= 2000, `came back after ${Date.now() - began} ms`);
  const stats = await sim("GET", "/sim/stats");
  assert.equal(stats.reads, 2);
  assert.equal(stats.duringRetryAfter, 0);
});
