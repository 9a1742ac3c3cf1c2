// Watches users of a Presence Gateway and says whether one may act on their states. .NET 8 or later, nothing else needed.
//   GATEWAY=https://presence.example.com PRESENCE_TOKEN=... dotnet run ID...
using System.Diagnostics;
using System.Net.WebSockets;
using System.Text.Json;
using System.Text.Json.Nodes;
var gateway = Environment.GetEnvironmentVariable("GATEWAY") ?? "http://127.0.0.1:8080";
var url = new Uri("ws" + gateway["http".Length..].TrimEnd('/') + "/v1/stream");
var reader = new Reader(args.Select(id => id.ToLowerInvariant()).ToArray(), maxAge: TimeSpan.FromSeconds(30));
for (var failures = 0; ; failures++)
{
    var (code, wait, held) = await reader.Connect(url);
    if (code is 1009 or 4400 or 4401 or 4403) return 1; // the same attempt cannot succeed later; after 4401 another token may
    if (held > TimeSpan.FromSeconds(10)) failures = 0;
    var bound = Math.Min(30_000, 500 * Math.Pow(2, Math.Min(failures, 9))); // full jitter, drawn anew each time
    await Task.Delay(wait ?? TimeSpan.FromMilliseconds(Random.Shared.NextDouble() * bound));
}

record State(JsonObject Presence, int Connection, long Heard);
class Reader(string[] users, TimeSpan maxAge)
{
    readonly Dictionary<string, State> states = []; // the last known, and which connection vouches for it
    int connection;
    long heard, pinged; // messages; when the last ping was sent
    bool answered;
    string? status;
    (DateTimeOffset At, long Mark)? clock; // the gateway's was At when ours was Mark, no later: ages are never too low
    (DateTimeOffset At, long Heard)? oldest; // nothing held then was last confirmed before
    TimeSpan? wait;
    static DateTimeOffset Time(JsonNode? text) => DateTimeOffset.Parse((string)text!);

    // The rule: act on a state only if it is live and young enough for the purpose. Else do what you would do without presence.
    public JsonObject? Usable(string id)
    {
        var live = status == "live" && answered && clock is not null;
        if (!live || !states.TryGetValue(id, out var state) || state.Connection != connection) return null;
        var confirmed = Time(state.Presence["observedAt"]);
        if (oldest is { } o && state.Heard < o.Heard && o.At > confirmed) confirmed = o.At;
        return clock!.Value.At + Stopwatch.GetElapsedTime(clock.Value.Mark) - confirmed <= maxAge ? state.Presence : null;
    }

    // One connection, to its end. Nothing heard for 2.5 heartbeats is an end too, whatever the network says.
    public async Task<(int? Code, TimeSpan? Wait, TimeSpan Held)> Connect(Uri url)
    {
        (connection, answered, status, clock, oldest, wait) = (connection + 1, false, null, null, null, null);
        using var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol("presence.v1.json");
        var token = Environment.GetEnvironmentVariable("PRESENCE_TOKEN"); // ask your token source here
        if (token is not null) socket.Options.SetRequestHeader("Authorization", "Bearer " + token);
        var (silence, greeted, buffer) = (TimeSpan.FromSeconds(10), 0L, new byte[256 << 10]); // no message is longer
        try
        {
            using (var patience = new CancellationTokenSource(silence)) await socket.ConnectAsync(url, patience.Token);
            while (true)
            {
                using var quiet = new CancellationTokenSource(silence);
                var part = await socket.ReceiveAsync(buffer.AsMemory(), quiet.Token);
                var length = part.Count;
                for (; !part.EndOfMessage; length += part.Count) part = await socket.ReceiveAsync(buffer.AsMemory(length), quiet.Token);
                if (part.MessageType == WebSocketMessageType.Close) break;
                var m = JsonNode.Parse(buffer.AsSpan(0, length))!.AsObject();
                heard++;
                await Take(socket, m);
                if ((string?)m["type"] != "hello") continue;
                (greeted, silence) = (Stopwatch.GetTimestamp(), TimeSpan.FromSeconds(2.5 * (double)m["heartbeatSeconds"]!));
            }
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or JsonException) { }
        status = null;
        return ((int?)socket.CloseStatus, wait, greeted == 0 ? TimeSpan.Zero : Stopwatch.GetElapsedTime(greeted));
    }

    async Task Take(ClientWebSocket socket, JsonObject m)
    {
        foreach (var p in m["presences"]?.AsArray() ?? []) Put(p!.AsObject());
        foreach (var why in new[] { "pending", "gone", "denied", "invalid" }) Drop(m[why], why);
        switch ((string?)m["type"]) // types that are new are ignored
        {
            case "hello":
                var known = states.ToDictionary(s => s.Key, s => (string?)s.Value.Presence["version"]);
                await Send(socket, new { type = "subscribe", id = 1, users, known });
                break;
            case "status": status = (string?)m["state"]; break;
            case "snapshot" when m["more"] is null: // whoever was left out is held at exactly the version we told
                foreach (var (id, state) in states.ToArray()) states[id] = state with { Connection = connection };
                answered = true;
                break;
            case "gone": Drop(m["users"], (string)m["reason"]!); break;
            case "heartbeat": oldest = m["oldest"] is { } at ? (Time(at), heard) : null; break;
            case "pong": clock = (Time(m["at"]), pinged); break;
            case "error": Console.Error.WriteLine($"refused: {m["code"]}: {m["message"]}"); break;
            case "goodbye":
                wait = TimeSpan.FromMilliseconds((double)m["reconnectAfterMs"]!);
                if ((string?)m["reason"] != "draining") states.Clear(); // one may see other fields now
                break;
        }
        if ((string?)m["type"] is not ("hello" or "heartbeat")) return;
        pinged = Stopwatch.GetTimestamp();
        await Send(socket, new { type = "ping" });
    }

    void Put(JsonObject presence)
    {
        var (id, version) = ((string)presence["id"]!, (string?)presence["version"]);
        // On one connection a state replaces an earlier version only; the first word of a new one replaces whatever is held.
        if (states.TryGetValue(id, out var held) && held.Connection == connection &&
            string.CompareOrdinal(version, (string?)held.Presence["version"]) <= 0) return;
        states[id] = new State(presence, connection, heard);
        Console.WriteLine(presence.ToJsonString());
    }

    void Drop(JsonNode? ids, string why)
    {
        foreach (var id in ids?.AsArray() ?? [])
            if (states.Remove((string)id!)) Console.WriteLine($"{id} {why}"); // unknown from now on, which is not "offline"
    }

    static Task Send(ClientWebSocket socket, object message) =>
        socket.SendAsync(JsonSerializer.SerializeToUtf8Bytes(message), WebSocketMessageType.Text, true, CancellationToken.None);
}
