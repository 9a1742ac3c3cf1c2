// Reads a gateway with the official SDK for JavaScript, over TLS. Origins, tokens and ids come by the environment.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

const { BatchRequestContent, BatchResponseContent, Client } = createRequire(import.meta.url)("@microsoft/microsoft-graph-client");
const { gateway, tenant, key, person, forGraph, users, self, denied, nobody } = JSON.parse(process.env.FACADE);

const connect = (token) =>
  Client.init({
    baseUrl: `${gateway}/graph/`,
    defaultVersion: "v1.0",
    customHosts: new Set([new URL(gateway).hostname]),
    authProvider: (done) => done(null, token),
  });

const truth = async (id) => (await fetch(`${tenant}/sim/users/${id}/presence`)).json();

async function same(got) {
  const want = await truth(got.id);
  for (const name of ["availability", "activity", "sequenceNumber"]) assert.equal(got[name], want[name]);
  for (const name of ["outOfOfficeSettings", "statusMessage", "workLocation"]) assert.deepEqual(got[name], want[name]);
}

const refused = (status, code, message = /./) => (e) => {
  assert.equal(e.statusCode, status);
  assert.equal(e.code, code);
  assert.match(e.message, message);
  assert.match(e.requestId, /^[0-9a-f-]{36}$/);
  return true;
};

test("one", async () => {
  const client = connect(key);
  await same(await client.api(`/users/${users[0]}/presence`).get());
  await same(await client.api(`/communications/presences/${users[1]}`).get());
  for (const id of [nobody, denied]) await assert.rejects(client.api(`/users/${id}/presence`).get(), refused(404, "NotFound"));
  await assert.rejects(client.api("/users/moon/presence").get(), refused(400, "BadRequest"));
});

test("lists", async () => {
  const client = connect(key);
  const path = "/communications/getPresencesByUserId";
  const answer = await client.api(path).post({ ids: [users[0], nobody, denied] });
  assert.deepEqual(answer.value.map((p) => p.id), [users[0], nobody, denied]);
  await same(answer.value[0]);
  for (const p of answer.value.slice(1)) assert.equal(p.availability, "PresenceUnknown");
  assert.equal((await client.api(path).post({ ids: users.slice(0, 650) })).value.length, 650);
  await assert.rejects(client.api(path).post({ ids: users.slice(0, 651) }), refused(400, "BadRequest", /650/));
});

test("a batch", async () => {
  const content = new BatchRequestContent([
    { id: "1", request: new Request(`${gateway}/graph/v1.0/users/${users[0]}/presence`, { method: "GET" }) },
    {
      id: "2",
      request: new Request(`${gateway}/graph/v1.0/communications/getPresencesByUserId`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ ids: [users[1], denied] }),
      }),
    },
    { id: "3", request: new Request(`${gateway}/graph/v1.0/users/${nobody}/presence`, { method: "GET" }) },
  ]);
  const answers = new BatchResponseContent(await connect(key).api("/$batch").post(await content.getContent()));
  await same(await answers.getResponseById("1").json());
  assert.deepEqual((await answers.getResponseById("2").json()).value.map((p) => p.availability === "PresenceUnknown"), [false, true]);
  assert.equal(answers.getResponseById("3").status, 404);
});

test("who signed in", async () => {
  assert.equal((await connect(person).api("/me/presence").get()).id, self);
  await assert.rejects(connect(key).api("/me/presence").get(), refused(400, "BadRequest"));
  await assert.rejects(connect(forGraph).api(`/users/${users[0]}/presence`).get(), refused(401, "InvalidAuthenticationToken", /Graph/));
});
