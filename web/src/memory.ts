import type { View } from "./client.ts";
import { steadyClock } from "./clock.ts";
import { told } from "./face.ts";

const now = steadyClock();

/** The last state known of somebody while nobody watches them, until the gateway says more. */
export class Memory {
  #view: View | undefined;
  #at = 0;

  /** Keeps what a view knows. */
  keep(view: View): void {
    this.#view = view.presence && view;
    this.#at = now();
  }

  forget(): void {
    this.#view = undefined;
  }

  /** What is remembered, grown older meanwhile, and gone when nobody has confirmed it for too long. */
  get view(): View | undefined {
    if (this.#view === undefined) return undefined;
    const view = told({ ...this.#view, stale: true, age: (this.#view.age ?? 0) + now() - this.#at });
    return (this.#view = view.presence && this.#view) && view;
  }

  /** What is remembered, without its age, while nobody is there to see how that grows. */
  get still(): View {
    const { age: _, ...view } = this.view ?? { stale: false };
    return view;
  }

  /** The client's view, or what is remembered as long as the gateway has no answer. Its answer ends the memory. */
  recall(view: View): View {
    if (view.presence !== undefined || (view.absence !== undefined && view.absence !== "pending")) this.forget();
    return this.view ?? view;
  }
}
