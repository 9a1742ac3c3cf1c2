/** The elements as React components, for React 18, which neither listens to events of elements nor knows their types. */
import { createElement, forwardRef, useEffect, useImperativeHandle, useRef } from "react";
import "./badge.js";

const EVENTS = { onPresenceChange: "presence-change", onPresenceStatus: "presence-status", onPresenceSignin: "presence-signin" };

function component(tag, attributes) {
  const Component = forwardRef((props, ref) => {
    const element = useRef(null);
    const given = useRef(props);
    useImperativeHandle(ref, () => element.current, []);
    useEffect(() => {
      given.current = props; // the listeners that stand call what was given last
    });
    useEffect(() => {
      const node = element.current;
      const ears = Object.entries(EVENTS).map(([prop, type]) => [type, (event) => event.target === node && given.current[prop]?.(event)]);
      for (const [type, ear] of ears) node.addEventListener(type, ear);
      // It may have been told before anybody could listen.
      if (node.presence !== undefined) given.current.onPresenceChange?.(new CustomEvent("presence-change", { detail: node.presence }));
      return () => {
        for (const [type, ear] of ears) node.removeEventListener(type, ear);
      };
    }, []);
    const passed = { ref: element };
    for (const [name, value] of Object.entries(props)) {
      if (name === "className") passed.class = value;
      else if (!(name in EVENTS)) passed[attributes[name] ?? name] = value;
    }
    return createElement(tag, passed);
  });
  Component.displayName = tag;
  return Component;
}

export const PresenceBadge = component("presence-badge", { userId: "user-id", personQuery: "person-query" });
export const PresenceList = component("presence-list", { groupId: "group-id" });
