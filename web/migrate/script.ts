import { parse, type ParserPlugin } from "@babel/parser";
import { isToolkit } from "./toolkit.ts";

/** A node of the syntax tree, as Babel's parser gives it. */
export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

/** What a name of a file stands for: something of one of the toolkit's modules. `name` is "*" for all of it. */
export interface Binding {
  readonly module: string;
  readonly name: string;
}

/** A visitor is called for each node on the way down, with what its ancestors are and how to look names up. */
export type Visitor = (node: Node, context: Context) => void;

export interface Context {
  readonly ancestors: readonly Node[];
  /** What an identifier, a member of one, or the name of a JSX tag stands for. */
  resolve(node: Node): Binding | undefined;
}

/** Reads one script of any dialect and visits all of it. Throws where it is none. */
export function readScript(path: string, source: string, visit: Visitor): void {
  const file = parseAny(path, source);
  const program = file["program"] as Node;
  const bindings = bound(program);
  const shadows: ReadonlySet<string>[] = [];
  const ancestors: Node[] = [];
  const lookUp = (name: string) => (shadows.some((s) => s.has(name)) ? undefined : bindings.get(name));
  const context: Context = { ancestors, resolve: (node) => resolve(node, lookUp) };

  const walk = (node: Node) => {
    const own = declared(node);
    if (own !== undefined) shadows.push(own);
    visit(node, context);
    ancestors.push(node);
    for (const child of children(node)) walk(child);
    ancestors.pop();
    if (own !== undefined) shadows.pop();
  };
  walk(program);
}

function parseAny(path: string, source: string): Node {
  const lower = path.toLowerCase();
  const always: ParserPlugin[] = ["decorators-legacy", "decoratorAutoAccessors", "explicitResourceManagement", "importAttributes"];
  const dialects: ParserPlugin[][] = /\.[cm]?ts$/.test(lower)
    ? [["typescript"], ["typescript", "jsx"]]
    : /\.tsx$/.test(lower)
      ? [["typescript", "jsx"]]
      : [["jsx", "flow"], ["jsx", "typescript"], ["typescript"]];
  let first: unknown;
  for (const dialect of dialects) {
    try {
      return parse(source, {
        sourceType: "unambiguous",
        allowAwaitOutsideFunction: true,
        allowReturnOutsideFunction: true,
        allowSuperOutsideMethod: true,
        allowUndeclaredExports: true,
        attachComment: false,
        errorRecovery: true,
        plugins: [...always, ...dialect],
      }) as unknown as Node;
    } catch (error) {
      first ??= error;
    }
  }
  throw first;
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as Node).type === "string" && typeof (value as Node).start === "number";
}

const NOT_SYNTAX = new Set(["loc", "extra", "errors", "comments", "tokens", "range"]);

/** The nodes right below one. */
export function children(node: Node): Node[] {
  const found: Node[] = [];
  for (const [key, value] of Object.entries(node)) {
    if (NOT_SYNTAX.has(key)) continue;
    if (Array.isArray(value)) found.push(...value.filter(isNode));
    else if (isNode(value)) found.push(value);
  }
  return found;
}

/** The node under a key, if there is one. */
export function child(node: Node, key: string): Node | undefined {
  const value = node[key];
  return isNode(value) ? value : undefined;
}

/** The nodes under a key. */
export function list(node: Node, key: string): Node[] {
  const value = node[key];
  return Array.isArray(value) ? value.filter(isNode) : [];
}

/** The text of a string that is written out. */
export function stringOf(node: Node | undefined): string | undefined {
  if (node === undefined) return undefined;
  if (node.type === "StringLiteral") return String(node["value"]);
  const quasis = node.type === "TemplateLiteral" ? list(node, "quasis") : [];
  if (quasis.length !== 1) return undefined;
  const cooked = (quasis[0]!["value"] as { cooked?: string | null }).cooked;
  return cooked ?? undefined;
}

/** The name of an identifier, whether in script or in JSX. */
export function nameOf(node: Node | undefined): string | undefined {
  if (node === undefined) return undefined;
  if (node.type === "Identifier" || node.type === "JSXIdentifier") return String(node["name"]);
  return undefined;
}

/** The name of a property that a member expression reads. */
export function propertyOf(node: Node): string | undefined {
  const property = child(node, "property");
  return node["computed"] === true ? stringOf(property) : nameOf(property);
}

function resolve(node: Node, lookUp: (name: string) => Binding | undefined): Binding | undefined {
  const name = nameOf(node);
  if (name !== undefined) return lookUp(name);
  if (!/^(JSX|Optional)?MemberExpression$/.test(node.type)) return undefined;
  const object = child(node, "object");
  const whole = object && resolve(object, lookUp);
  const member = propertyOf(node);
  return whole?.name === "*" && member !== undefined ? { module: whole.module, name: member } : undefined;
}

/** The module that `require("...")` or `await import("...")` asks for, if it is the toolkit's. */
export function asked(node: Node | undefined): string | undefined {
  if (node === undefined) return undefined;
  if (node.type === "AwaitExpression") return asked(child(node, "argument"));
  const callee = child(node, "callee");
  const called = node.type === "CallExpression" && (callee?.type === "Import" || nameOf(callee) === "require");
  const module = called ? stringOf(list(node, "arguments")[0]) : node.type === "ImportExpression" ? stringOf(child(node, "source")) : undefined;
  return module !== undefined && isToolkit(module) ? module : undefined;
}

/** The names that a file gives to what it takes from the toolkit. */
function bound(program: Node): Map<string, Binding> {
  const names = new Map<string, Binding>();
  const bind = (local: string | undefined, module: string, name: string) => local !== undefined && names.set(local, { module, name });
  for (const statement of list(program, "body")) {
    if (statement.type === "ImportDeclaration") {
      const module = stringOf(child(statement, "source")) ?? "";
      if (!isToolkit(module)) continue;
      for (const s of list(statement, "specifiers")) {
        const imported = child(s, "imported");
        bind(nameOf(child(s, "local")), module, s.type === "ImportSpecifier" ? (nameOf(imported) ?? stringOf(imported) ?? "") : "*");
      }
    } else if (statement.type === "TSImportEqualsDeclaration") {
      const reference = child(statement, "moduleReference");
      const module = stringOf(reference && child(reference, "expression")) ?? "";
      if (isToolkit(module)) bind(nameOf(child(statement, "id")), module, "*");
    } else if (statement.type === "VariableDeclaration") {
      for (const d of list(statement, "declarations")) {
        const module = asked(child(d, "init"));
        const id = child(d, "id");
        if (module === undefined || id === undefined) continue;
        bind(nameOf(id), module, "*");
        for (const p of list(id, "properties")) bind(nameOf(child(p, "value")), module, nameOf(child(p, "key")) ?? "");
      }
    }
  }
  return names;
}

/** The names that a function, a block or a catch clause has for itself. The program's own are the file's. */
function declared(node: Node): ReadonlySet<string> | undefined {
  const names = new Set<string>();
  if (list(node, "params").length > 0) for (const p of list(node, "params")) patterns(p, names);
  if (node.type === "CatchClause") patterns(child(node, "param"), names);
  if (node.type === "BlockStatement") {
    for (const statement of list(node, "body")) {
      if (statement.type === "VariableDeclaration") for (const d of list(statement, "declarations")) patterns(child(d, "id"), names);
      else if (/^(Function|Class)Declaration$/.test(statement.type)) patterns(child(statement, "id"), names);
    }
  }
  return names.size > 0 ? names : undefined;
}

/** Adds each name that a pattern binds. */
function patterns(node: Node | undefined, names: Set<string>): void {
  if (node === undefined) return;
  const name = nameOf(node);
  if (name !== undefined) names.add(name);
  else if (node.type === "ObjectPattern") for (const p of list(node, "properties")) patterns(child(p, "value") ?? child(p, "argument"), names);
  else if (node.type === "ArrayPattern") for (const e of list(node, "elements")) patterns(e, names);
  else if (node.type === "AssignmentPattern") patterns(child(node, "left"), names);
  else if (node.type === "RestElement") patterns(child(node, "argument"), names);
  else if (node.type === "TSParameterProperty") patterns(child(node, "parameter"), names);
}
