import type { CSSProperties, DetailedHTMLProps, ForwardRefExoticComponent, HTMLAttributes, ReactNode, RefAttributes } from "react";
import type { LinkStatus, Presence, PresenceBadge as BadgeElement, PresenceList as ListElement, SignInRequest } from "./index.js";

/** Fluent's sizes: 6, 10, 12, 16, 20 and 28 pixels. */
export type Size = "tiny" | "extra-small" | "small" | "medium" | "large" | "extra-large";

interface Common extends Omit<HTMLAttributes<HTMLElement>, "children" | "className" | "style"> {
  /** The base address of another gateway than the one that is configured. */
  gateway?: string | undefined;
  className?: string | undefined;
  style?: CSSProperties | undefined;
  slot?: string | undefined;
  children?: ReactNode;
  onPresenceStatus?: ((event: CustomEvent<LinkStatus>) => void) | undefined;
  onPresenceSignin?: ((event: CustomEvent<SignInRequest>) => void) | undefined;
}

export interface PresenceBadgeProps extends Common {
  size?: Size | undefined;
  /** The Entra id of the user. */
  userId?: string | undefined;
  /** Their e-mail address, instead of the id. */
  personQuery?: string | undefined;
  onPresenceChange?: ((event: CustomEvent<Presence | undefined>) => void) | undefined;
}

/** `<presence-badge>` as a component, for React 18 and later. */
export declare const PresenceBadge: ForwardRefExoticComponent<PresenceBadgeProps & RefAttributes<BadgeElement>>;

export interface PresenceListProps extends Common {
  /** The id of the group. */
  groupId?: string | undefined;
  sort?: "name" | "state" | undefined;
  /** How many people are shown, of at most 500. */
  limit?: number | undefined;
}

/** `<presence-list>` as a component, for React 18 and later. */
export declare const PresenceList: ForwardRefExoticComponent<PresenceListProps & RefAttributes<ListElement>>;

/** What the elements take in JSX. Events as attributes are heard from React 19 on. */
type InJsx<E extends HTMLElement, Own> = DetailedHTMLProps<HTMLAttributes<E>, E> &
  Own & {
    class?: string | undefined;
    gateway?: string | undefined;
    "onpresence-change"?: ((event: CustomEvent<Presence | undefined>) => void) | undefined;
    "onpresence-status"?: ((event: CustomEvent<LinkStatus>) => void) | undefined;
    "onpresence-signin"?: ((event: CustomEvent<SignInRequest>) => void) | undefined;
  };

declare module "react" {
  namespace JSX {
    interface IntrinsicElements {
      "presence-badge": InJsx<BadgeElement, { "user-id"?: string | undefined; "person-query"?: string | undefined; size?: Size | undefined }>;
      "presence-list": InJsx<ListElement, { "group-id"?: string | undefined; sort?: "name" | "state" | undefined; limit?: number | undefined }>;
    }
  }
}
