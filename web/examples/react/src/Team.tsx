import { useState } from "react";
import type { Presence } from "@presence-gateway/client";
import type {} from "@presence-gateway/client/react"; // the types of the elements in JSX

/** People with their presence: the element itself, as React 19 renders any other. */
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
              <presence-badge person-query={who} size="large" onpresence-change={(event) => changed(who, event.detail)} />
              {who}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
