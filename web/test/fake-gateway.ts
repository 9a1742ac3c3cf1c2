import type { Wire } from "../src/socket.ts";

export type Message = Record<string, any>;

/** The gateway's end of one connection. */
export class Line implements Wire {
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  readonly sent: Message[] = [];
  closed: number | undefined;

  constructor(readonly url: string, readonly protocol: string, private gateway: FakeGateway) {}

  send(frame: string): void {
    const message = JSON.parse(frame);
    this.sent.push(message);
    this.gateway.answer(this, message);
  }

  close(code = 1000): void {
    this.closed = code;
  }

  /** Sends a message, or a frame as it is. */
  say(message: Message | string): void {
    this.onmessage?.({ data: typeof message === "string" ? message : JSON.stringify(message) });
  }

  /** The gateway closes. */
  end(code: number): void {
    this.onclose?.({ code });
  }

  of(type: string): Message[] {
    return this.sent.filter((m) => m.type === type);
  }
}

/** A gateway that does what a test scripts: by default it says hello and live, and answers nothing. */
export class FakeGateway {
  readonly lines: Line[] = [];
  /** Called for each message of a client. */
  answer: (line: Line, message: Message) => void = () => {};

  readonly dial = (url: string, protocol: string): Wire => {
    const line = new Line(url, protocol, this);
    this.lines.push(line);
    return line;
  };

  get last(): Line {
    const line = this.lines.at(-1);
    if (line === undefined) throw new Error("nobody has connected");
    return line;
  }

  welcome(heartbeatSeconds = 10): Line {
    this.last.say({ type: "hello", protocol: "presence.v1.json", connection: "c", heartbeatSeconds, limits: {} });
    this.last.say({ type: "status", state: "live" });
    return this.last;
  }
}

export function id(n: number): string {
  return `00000000-0000-0000-0000-${n.toString(16).padStart(12, "0")}`;
}

export function state(n: number, version: string, availability = "Available", observedAt = new Date().toISOString()): Message {
  return { id: id(n), availability, activity: availability, version, observedAt };
}
