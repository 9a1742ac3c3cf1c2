import { nothing, permission, PERMISSION, simple, type Finds, type Found } from "./found.ts";
import { lineAround, readMarkupUses } from "./in-markup.ts";
import { styleFinds } from "./in-style.ts";
import { asked, child, list, nameOf, propertyOf, readScript, stringOf, type Context, type Node } from "./script.ts";
import { readStyle } from "./style.ts";
import { successor, type Given } from "./successor.ts";
import { Composition } from "./text.ts";
import { CLASSES, componentOf, EVENTS, isReact, isToolkit, PROPERTIES, REACT, READERS, STYLES, type Component } from "./toolkit.ts";

/** Looks through one script: its tags in JSX and in strings, what it takes from the toolkit, and what it sets on elements. */
export function readScriptUses(path: string, source: string, into: Finds, place: (offset: number) => number = (offset) => offset): void {
  const own = nothing();
  const reading = new Reading(path, source, own);
  readScript(path, source, (node, context) => reading.visit(node, context));
  // Names as common as `personDetails` count only beside the toolkit's own.
  const sure = own.found.length > 0 || own.others.length > 0;
  if (sure) own.found.push(...reading.beside);
  into.found.push(...own.found.map((f) => ({ ...f, offset: place(f.offset) })));
  into.others.push(...own.others);
  into.prefixes.push(...own.prefixes);
}

class Reading {
  /** Counts only in a file that has something else of the toolkit. */
  readonly beside: Found[] = [];
  #path: string;
  #source: string;
  #into: Finds;
  #composed = new Set<Node>();

  constructor(path: string, source: string, into: Finds) {
    this.#path = path;
    this.#source = source;
    this.#into = into;
  }

  visit(node: Node, context: Context): void {
    switch (node.type) {
      case "JSXOpeningElement":
        return this.#jsx(node, context);
      case "ImportDeclaration":
      case "ExportNamedDeclaration":
      case "ExportAllDeclaration":
        return this.#import(node, stringOf(child(node, "source")));
      case "TSExternalModuleReference":
        return this.#import(node, stringOf(child(node, "expression")));
      case "CallExpression":
      case "OptionalCallExpression":
      case "NewExpression":
        return this.#call(node, context);
      case "Identifier":
      case "MemberExpression":
      case "OptionalMemberExpression":
        return this.#reference(node, context);
      case "AssignmentExpression":
        return this.#assignment(node);
      case "StringLiteral":
      case "TemplateLiteral":
      case "BinaryExpression":
        return this.#text(node, context);
    }
  }

  #code(node: Node): string {
    return this.#source.slice(node.start, node.end);
  }

  #line(node: Node): string {
    return lineAround(this.#source, node.start);
  }

  #import(node: Node, module: string | undefined): void {
    if (module === undefined || !isToolkit(module)) return;
    const names = list(node, "specifiers").map((s) => nameOf(child(s, "imported")) ?? nameOf(child(s, "local")) ?? "");
    const badge = names.includes("Person");
    const becomes = isReact(module) && badge ? 'import { PresenceBadge } from "@presence-gateway/client/react";' : undefined;
    const passed = node.type.startsWith("Export") ? "it passes on what it names: uses by way of this file are not followed" : "take away what nothing uses any more";
    this.#into.found.push(simple("import", node.start, module, this.#code(node), { ...(becomes !== undefined && { becomes }), note: passed }));
    for (const name of names) if (isReact(module) && /^[A-Z]/.test(name) && !(name in REACT) && NAMED.has(name)) this.#into.others.push(name);
  }

  #jsx(node: Node, context: Context): void {
    const tag = child(node, "name")!;
    const binding = context.resolve(tag);
    const intrinsic = nameOf(tag) ?? "";
    const known = binding !== undefined ? reactOf(binding.module, binding.name) : /^mgt-/.test(intrinsic) ? componentOf(intrinsic)?.component : undefined;
    if (known === undefined) {
      if (/^mgt-/.test(intrinsic)) this.#into.others.push(intrinsic);
      return;
    }
    const given = list(node, "attributes").map((a) => this.#attribute(a));
    const parent = context.ancestors.at(-1);
    const templates = parent === undefined ? [] : list(parent, "children").flatMap((c) => this.#template(c));
    this.#element(node.start, binding === undefined ? intrinsic : this.#code(tag), this.#code(node), known, binding === undefined ? "jsx" : "react", given, templates);
  }

  #element(offset: number, name: string, source: string, component: Component, style: "react" | "jsx", given: Given[], templates: string[]): void {
    const shows = given.some((g) => /show-?presence/i.test(g.name));
    const spread = given.some((g) => g.name === "...");
    if ((component === "people-picker" || component === "login") && !shows && !spread) {
      this.#into.others.push(name);
      return;
    }
    const spreads = given.filter((g) => g.name === "...");
    const named = given.filter((g) => g.name !== "...");
    // What is spread may hold anything, whether presence is shown included.
    const fate = successor({ component, style, given: spread && !shows ? [...named, { name: "showPresence", written: "", code: "…" }] : named, templates });
    if (spread) fate.notes.push(`${spreads.map((s) => s.written).join(", ")} may hold more, which is not seen here`);
    this.#into.found.push({ kind: "element", offset, name, source, ...fate });
  }

  #attribute(node: Node): Given {
    const written = this.#code(node);
    if (node.type !== "JSXAttribute") return { name: "...", written, code: written };
    const name = this.#code(child(node, "name")!);
    const value = child(node, "value");
    if (value === undefined) return { name, written };
    if (value.type !== "JSXExpressionContainer") return { name, written, value: stringOf(value) ?? this.#code(value) };
    const expression = child(value, "expression")!;
    const text = stringOf(expression);
    return { name, written, ...(text === undefined ? { code: this.#code(expression) } : { value: text }) };
  }

  #template(node: Node): string[] {
    const opening = node.type === "JSXElement" ? child(node, "openingElement") : undefined;
    if (opening === undefined) return [];
    for (const a of list(opening, "attributes")) {
      const name = nameOf(child(a, "name"));
      if (name === "template" || name === "data-type") return [stringOf(child(a, "value")) ?? "default"];
    }
    return nameOf(child(opening, "name")) === "template" ? ["default"] : [];
  }

  #call(node: Node, context: Context): void {
    const callee = child(node, "callee");
    if (callee === undefined) return;
    const args = list(node, "arguments");
    const module = asked(node);
    if (module !== undefined) this.#import(node, module);
    const called = nameOf(callee) ?? propertyOf(callee);
    if (called === "withDisambiguation") {
      const word = stringOf(args[0]);
      if (word !== undefined) this.#into.prefixes.push(word.toLowerCase());
      return;
    }
    // React's, where the component is a value, and the document's.
    if (called === "createElement" || called === "createElementNS" || called === "jsx" || called === "jsxs") this.#created(node, called === "createElementNS" ? args[1] : args[0], args, context);
    if (called === "addEventListener" && EVENTS.has(stringOf(args[0]) ?? "")) {
      this.beside.push(simple("event", node.start, stringOf(args[0])!, this.#line(node), { why: "the badge draws no text: listen on your own" }));
    }
  }

  #created(node: Node, what: Node | undefined, args: Node[], context: Context): void {
    if (what === undefined) return;
    const tag = stringOf(what);
    const binding = tag === undefined ? context.resolve(what) : undefined;
    const component = binding !== undefined ? reactOf(binding.module, binding.name) : tag !== undefined ? componentOf(tag)?.component : undefined;
    if (component === undefined) return;
    const props = args.find((a) => a.type === "ObjectExpression");
    if (props === undefined && binding === undefined) {
      const becomes = component === "person" ? 'document.createElement("presence-badge")' : component === "people" ? 'document.createElement("presence-list")' : undefined;
      this.#into.found.push(simple("element", node.start, tag!, this.#line(node), {
        ...(becomes === undefined ? { why: "there is no such component" } : { becomes }),
        note: "what is set on it afterwards is listed where its names are the toolkit's own",
      }));
      return;
    }
    const given = (props === undefined ? [] : list(props, "properties")).map((p): Given => {
      const written = this.#code(p);
      if (p.type !== "ObjectProperty") return { name: "...", written, code: written };
      const key = child(p, "key")!;
      const name = nameOf(key) ?? stringOf(key) ?? this.#code(key);
      const value = child(p, "value")!;
      const text = stringOf(value);
      const kept = text === undefined ? `${name}={${this.#code(value)}}` : `${name}="${text}"`;
      return { name, written: kept, ...(text === undefined ? { code: this.#code(value) } : { value: text }) };
    });
    this.#element(node.start, tag ?? this.#code(what), this.#line(node), component, binding === undefined ? "jsx" : "react", given, []);
  }

  /** A name of the toolkit's that is used as a value. */
  #reference(node: Node, context: Context): void {
    const parent = context.ancestors.at(-1);
    if (parent === undefined || /^(Import|Export)\w*Specifier$|^TSImportEquals/.test(parent.type)) return;
    // A name beside a dot or before a colon names a property of something else.
    if (node.type === "Identifier" && ((parent["property"] === node && parent["computed"] !== true) || (parent["key"] === node && parent["computed"] !== true && parent["shorthand"] !== true))) return;
    const binding = context.resolve(node);
    if (binding === undefined) return this.#cache(node, context);
    if (binding.name === "*" || parent["id"] === node || (parent.type === "ObjectProperty" && context.ancestors.at(-2)?.type === "ObjectPattern")) return;
    const made = /^(Optional)?CallExpression$/.test(parent.type) && /^(createElement|jsxs?)$/.test(nameOf(child(parent, "callee")) ?? propertyOf(child(parent, "callee") ?? parent) ?? "");
    const reads = READERS[binding.name];
    if (reads !== undefined) {
      this.#into.found.push(simple("call", node.start, binding.name, this.#line(node), { becomes: reads }));
      return;
    }
    const component = CLASSES[binding.name] ?? reactOf(binding.module, binding.name);
    if (component === undefined || made) return;
    this.#into.found.push(simple("call", node.start, binding.name, this.#line(node), { note: "it is used as a value here (wrapped, styled, configured or passed on): look at it by hand" }));
  }

  /** `CacheService.config.presence`: how long the toolkit kept states, which a badge never does. */
  #cache(node: Node, context: Context): void {
    if (!/MemberExpression$/.test(node.type) || propertyOf(node) !== "presence") return;
    const config = child(node, "object")!;
    const service = /MemberExpression$/.test(config.type) && propertyOf(config) === "config" ? child(config, "object") : undefined;
    if (service === undefined || context.resolve(service)?.name !== "CacheService") return;
    this.#into.found.push(simple("call", node.start, "CacheService.config.presence", this.#line(node), { why: "nothing is cached: the gateway pushes every change, and pages keep nobody's presence" }));
  }

  #assignment(node: Node): void {
    const left = child(node, "left");
    if (left?.type !== "MemberExpression") return;
    const name = propertyOf(left);
    if (name === undefined || !PROPERTIES.has(name)) return;
    const value = child(node, "right")!;
    const text = stringOf(value);
    const given: Given = { name, written: this.#code(node), ...(text === undefined ? { code: this.#code(value) } : { value: text }) };
    const person = { name: "userId", written: "", code: "…" };
    const { lost, notes, becomes } = successor({
      component: name === "peopleQueries" ? "people" : "person",
      style: "jsx",
      given: [given, ...(name === "showPresence" ? [] : [{ name: "showPresence", written: "" }]), ...(/^(personQuery|peopleQueries)$/.test(name) ? [] : [person])],
      templates: [],
    });
    const mine = lost.filter((l) => l.what === given.written);
    const same = name === "personQuery" && becomes !== undefined && mine.length === 0;
    this.beside.push({
      kind: "property",
      offset: node.start,
      name,
      source: this.#line(node),
      ...(same && { becomes: this.#code(node) }),
      lost: mine.map((l) => ({ what: name, why: l.why })),
      notes: same ? notes : name === "showPresence" ? ["take it away: a badge is presence"] : [],
    });
  }

  /** Strings and templates: markup, selectors, tag names, custom properties, permissions. */
  #text(node: Node, context: Context): void {
    if (this.#composed.has(node)) return;
    const parent = context.ancestors.at(-1);
    if (parent === undefined || /^(Import|Export)/.test(parent.type) || parent.type === "JSXAttribute") return;
    const composition = new Composition();
    this.#compose(node, composition);
    const text = composition.text();
    if (/<\/?mgt-/i.test(text.chars)) {
      readMarkupUses(this.#path, text, this.#into);
      return;
    }
    if (tagOf(parent) === "css") {
      for (const s of readStyle(text.chars)) this.#into.found.push(styleFinds(s, text.at(s.start), lineAround(this.#source, text.at(s.start))));
      return;
    }
    if (node.type !== "StringLiteral" && node.type !== "TemplateLiteral") return;
    const whole = text.chars.trim();
    const rights = PERMISSION.exec(whole);
    if (rights !== null && /^[\w.\s,:/-]+$/.test(whole)) this.beside.push(permission(node.start, rights[0], this.#line(node)));
    if (STYLES.has(whole)) this.#into.found.push(styleFinds({ name: whole, start: 0, end: 0, selector: false }, node.start, this.#line(node)));
    this.#selector(node, parent, whole);
  }

  /** A string that names a tag where selectors and names of elements are asked for. */
  #selector(node: Node, parent: Node, whole: string): void {
    const call = /^(Optional)?CallExpression$/.test(parent.type) ? parent : undefined;
    const called = call === undefined ? undefined : propertyOf(child(call, "callee") ?? call) ?? nameOf(child(call, "callee"));
    if (!/^(querySelector(All)?|closest|matches|getElementsByTagName|get|whenDefined|find|filter|\$|locator)$/.test(called ?? "")) return;
    for (const [tag] of whole.matchAll(/(?<![\w-])mgt-[\w-]+/g)) {
      const component = componentOf(tag)?.component;
      const becomes = component === "person" ? "presence-badge" : component === "people" ? "presence-list" : undefined;
      if (component === undefined) this.#into.others.push(tag);
      else this.#into.found.push(simple("selector", node.start, tag, this.#line(node), becomes === undefined ? { why: "there is no such component" } : { becomes }));
    }
  }

  /** Puts a sum of strings, or a template, together. */
  #compose(node: Node, into: Composition): void {
    this.#composed.add(node);
    if (node.type === "StringLiteral") into.literal(this.#source, node.start + 1, node.end - 1);
    else if (node.type === "TemplateLiteral") {
      const parts = [...list(node, "quasis"), ...list(node, "expressions")].sort((a, b) => a.start - b.start || a.end - b.end);
      for (const part of parts) {
        if (part.type === "TemplateElement") into.literal(this.#source, part.start, part.end);
        else into.hole(this.#code(part), part.start);
      }
    } else if (node.type === "BinaryExpression" && node["operator"] === "+") {
      this.#compose(child(node, "left")!, into);
      this.#compose(child(node, "right")!, into);
    } else {
      this.#composed.delete(node); // there may be more inside
      into.hole(this.#code(node), node.start);
    }
  }
}

/** The other components that `@microsoft/mgt-react` exports. */
const NAMED = new Set(["Agenda", "File", "FileList", "Get", "Picker", "Planner", "SearchBox", "SearchResults", "Spinner", "TaxonomyPicker", "TeamsChannelPicker", "Tasks", "ThemeToggle", "Todo"]);

function reactOf(module: string, name: string): Component | undefined {
  return isReact(module) && Object.hasOwn(REACT, name) ? REACT[name] : undefined;
}

/** The name of the function that a template is tagged with. */
function tagOf(parent: Node): string | undefined {
  return parent.type === "TaggedTemplateExpression" ? nameOf(child(parent, "tag")) : undefined;
}
