import { useState } from "react";
import type { Presence } from "@presence-gateway/client";
import { PresenceBadge } from "@presence-gateway/client/react";

/** People with their presence, by the wrapper: React 18 sets no properties of elements and hears none of their events. */
export function Team({ people }: { people: readonly string[] }) {
  const [free, setFree] = useState<readonly string[]>([]);
  const [shown, setShown] = useState(true);

  const changed = (who: string, presence: Presence | undefined) =>
    setFree((before) => [...before.filter((other) => other !== who), ...(presence?.availability === "Available" ? [who] : [])]);

  return (
    <>
      <h1>Who is available</h1>
      <p>{free.length === 1 ? "1 person is" : `${free.length} people are`} available.</p>
      <button type="button" onClick={() => setShown(!shown)}>
        {shown ? "Hide" : "Show"}
      </button>
      {shown && (
        <ul>
          {people.map((who) => (
            <li key={who}>
              <PresenceBadge personQuery={who} size="large" onPresenceChange={(event) => changed(who, event.detail)} />
              {who}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
