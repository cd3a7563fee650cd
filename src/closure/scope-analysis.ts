import type {
  AnyNode,
  Class,
  ClassBody,
  ForInStatement,
  ForOfStatement,
  ForStatement,
  Function as FunctionLike,
  Identifier,
  MemberExpression,
  Property,
} from 'acorn';

/** How a function uses a name that it does not declare itself. */
export interface FreeName {
  read: boolean;
  write: boolean;
  /** Offset of the first assignment, -1 when there is none. */
  writeAt: number;
  /** The members when the name is only ever used as `name.member`, else null. */
  members: Set<string> | null;
  /** True when every use is `typeof name`, which is allowed for names that do not exist. */
  typeofOnly: boolean;
  /** True when it is used while a class is being defined: `extends`, computed keys, static initialisers. */
  early: boolean;
}

/** A range of the text to be written differently, so that the text works outside of its surroundings. */
export interface Replacement {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export interface ScopeFindings {
  readonly free: Map<string, FreeName>;
  /** Offsets of the first use of something that belongs to the function around, -1 when there is none. */
  outerThis: number;
  outerSuper: number;
  outerArguments: number;
  outerNewTarget: number;
  directEval: number;
  withStatement: number;
  readonly thisMembers: Set<string>;
  readonly foreignPrivateNames: string[];
  usesSuper: boolean;
  importMeta: boolean;
  dynamicImport: boolean;
  readonly replacements: Replacement[];
}

/** What the walk leaves out of the class that is shipped itself (not of classes inside functions). */
export interface ClassPlan {
  readonly root: AnyNode;
  readonly blanked: ReadonlySet<AnyNode>;
  readonly keyNames: ReadonlyMap<AnyNode, string>;
}

export const SUPER_NAME = '__iskra_super';
export const META_NAME = '__iskra_meta';
export const ARGUMENTS_NAME = '__iskra_arguments';

class Scope {
  readonly parent: Scope | null;
  readonly #takesVar: boolean;
  readonly #names = new Set<string>();

  constructor(parent: Scope | null, takesVar: boolean) {
    this.parent = parent;
    this.#takesVar = takesVar;
  }

  declare(name: string): void {
    this.#names.add(name);
  }

  declareVar(name: string): void {
    let scope: Scope = this;
    while (!scope.#takesVar && scope.parent !== null) scope = scope.parent;
    scope.declare(name);
  }

  sees(name: string): boolean {
    for (let scope: Scope | null = this; scope !== null; scope = scope.parent) if (scope.#names.has(name)) return true;
    return false;
  }
}

interface Reference {
  readonly name: string;
  readonly scope: Scope;
  readonly at: number;
  readonly early: boolean;
  readonly read: boolean;
  readonly write: boolean;
  readonly typeof: boolean;
  readonly member: string | null;
}

type Use = Partial<Pick<Reference, 'read' | 'write' | 'typeof' | 'member'>>;
type Declares = 'var' | 'let' | 'nothing';

/**
 * Finds the free names of one function or class and everything that ties its text to the place where it stands.
 *
 * Names are resolved after the walk, so hoisting needs no rules of its own.
 */
export class ScopeWalker {
  readonly findings: ScopeFindings = {
    free: new Map(),
    outerThis: -1,
    outerSuper: -1,
    outerArguments: -1,
    outerNewTarget: -1,
    directEval: -1,
    withStatement: -1,
    thisMembers: new Set(),
    foreignPrivateNames: [],
    usesSuper: false,
    importMeta: false,
    dynamicImport: false,
    replacements: [],
  };
  readonly #offset: number;
  readonly #strict: boolean;
  readonly #plan: ClassPlan | null;
  readonly #references: Reference[] = [];
  readonly #privateNames: Set<string>[] = [];
  /** True below a non-arrow function: `this`, `arguments` and `new.target` are its own. */
  #inFunction = false;
  /** Above 0 in code that runs when a class is defined. */
  #early = 0;

  /** @param offset how many characters stand before the text in what was parsed. */
  constructor(offset: number, strict: boolean, plan: ClassPlan | null) {
    this.#offset = offset;
    this.#strict = strict;
    this.#plan = plan;
  }

  walkRootFunction(node: FunctionLike): void {
    // The own name is left free: for a declaration it means the variable outside, which may have been assigned since.
    this.#function(node, new Scope(null, true), false);
    this.#resolve();
  }

  walkRootClass(node: Class): void {
    this.#class(node, new Scope(null, true));
    this.#resolve();
  }

  #resolve(): void {
    for (const use of this.#references) {
      if (use.scope.sees(use.name)) continue;
      let free = this.findings.free.get(use.name);
      if (free === undefined) {
        free = { read: false, write: false, writeAt: -1, members: new Set(), typeofOnly: true, early: false };
        this.findings.free.set(use.name, free);
      }
      free.read ||= use.read;
      free.early ||= use.early;
      free.typeofOnly &&= use.typeof;
      if (use.write) {
        free.write = true;
        if (free.writeAt < 0) free.writeAt = use.at;
      }
      if (use.member === null) free.members = null;
      else free.members?.add(use.member);
    }
  }

  #refer(node: Identifier, scope: Scope, use: Use = {}): void {
    this.#references.push({
      name: node.name,
      scope,
      at: node.start - this.#offset,
      early: this.#early > 0,
      read: use.read ?? use.write !== true,
      write: use.write ?? false,
      typeof: use.typeof ?? false,
      member: use.member ?? null,
    });
  }

  #replace(node: { readonly start: number; readonly end: number }, text: string): void {
    this.findings.replacements.push({ start: node.start - this.#offset, end: node.end - this.#offset, text });
  }

  /** Walks a declaration's names or the targets of an assignment. */
  #pattern(node: AnyNode | null | undefined, scope: Scope, declares: Declares): void {
    if (node === null || node === undefined) return;
    switch (node.type) {
      case 'Identifier':
        if (declares === 'nothing') this.#refer(node, scope, { write: true });
        else if (declares === 'var') scope.declareVar(node.name);
        else scope.declare(node.name);
        return;
      case 'ObjectPattern':
        for (const property of node.properties) {
          if (property.type === 'RestElement') this.#pattern(property.argument, scope, declares);
          else {
            if (property.computed) this.#walk(property.key, scope);
            this.#pattern(property.value, scope, declares);
          }
        }
        return;
      case 'ArrayPattern':
        for (const element of node.elements) this.#pattern(element, scope, declares);
        return;
      case 'AssignmentPattern':
        this.#pattern(node.left, scope, declares);
        this.#walk(node.right, scope);
        return;
      case 'RestElement':
        this.#pattern(node.argument, scope, declares);
        return;
      default:
        this.#walk(node, scope);
    }
  }

  #function(node: FunctionLike, scope: Scope, ownName: boolean): void {
    const inner = new Scope(scope, true);
    const [inFunction, early] = [this.#inFunction, this.#early];
    this.#early = 0;
    if (node.type !== 'ArrowFunctionExpression') {
      this.#inFunction = true;
      inner.declare('arguments');
    }
    if (ownName && node.id && node.type === 'FunctionExpression') inner.declare(node.id.name);
    for (const param of node.params) this.#pattern(param, inner, 'let');
    if (node.body.type === 'BlockStatement') this.#all(node.body.body, new Scope(inner, true));
    else this.#walk(node.body, inner);
    this.#inFunction = inFunction;
    this.#early = early;
  }

  #class(node: Class, scope: Scope): void {
    const inner = new Scope(scope, false);
    if (node.id) inner.declare(node.id.name);
    if (node.superClass) {
      if (this.#plan !== null && this.#plan.root === (node as AnyNode)) this.#replace(node.superClass, SUPER_NAME);
      else this.#whileDefining(() => this.#walk(node.superClass, inner));
    }
    const names = new Set<string>();
    for (const member of node.body.body)
      if (member.type !== 'StaticBlock' && member.key.type === 'PrivateIdentifier') names.add(member.key.name);
    this.#privateNames.push(names);
    for (const member of node.body.body) this.#classMember(member, inner);
    this.#privateNames.pop();
  }

  #classMember(member: ClassBody['body'][number], scope: Scope): void {
    if (member.type === 'StaticBlock') {
      if (!this.#plan?.blanked.has(member))
        this.#whileDefining(() => this.#ownThis(() => this.#all(member.body, new Scope(scope, true))));
      return;
    }
    if (member.computed && !this.#plan?.keyNames.has(member)) this.#whileDefining(() => this.#walk(member.key, scope));
    if (member.type === 'MethodDefinition') this.#function(member.value, scope, false);
    else if (member.value && !this.#plan?.blanked.has(member)) {
      const walkValue = (): void => this.#ownThis(() => this.#walk(member.value, new Scope(scope, true)));
      if (member.static) this.#whileDefining(walkValue);
      else walkValue();
    }
  }

  #whileDefining(walk: () => void): void {
    this.#early++;
    walk();
    this.#early--;
  }

  #ownThis(walk: () => void): void {
    const before = this.#inFunction;
    this.#inFunction = true;
    walk();
    this.#inFunction = before;
  }

  #all(nodes: readonly (AnyNode | null | undefined)[], scope: Scope): void {
    for (const node of nodes) this.#walk(node, scope);
  }

  #walk(node: AnyNode | null | undefined, scope: Scope): void {
    if (node === null || node === undefined) return;
    switch (node.type) {
      case 'Identifier':
        if (node.name === 'arguments' && !this.#inFunction) this.#foundOuterArguments(node, ARGUMENTS_NAME);
        else this.#refer(node, scope);
        return;
      case 'ThisExpression':
        if (!this.#inFunction && this.findings.outerThis < 0) this.findings.outerThis = node.start - this.#offset;
        return;
      case 'Super':
        this.findings.usesSuper = true;
        if (!this.#inFunction && this.findings.outerSuper < 0) this.findings.outerSuper = node.start - this.#offset;
        return;
      case 'MetaProperty':
        if (node.meta.name === 'import') {
          this.findings.importMeta = true;
          this.#replace(node, META_NAME);
        } else if (!this.#inFunction && this.findings.outerNewTarget < 0)
          this.findings.outerNewTarget = node.start - this.#offset;
        return;
      case 'ImportExpression':
        this.findings.dynamicImport = true;
        this.#children(node, scope);
        return;
      case 'PrivateIdentifier':
        if (!this.#privateNames.some((names) => names.has(node.name)))
          this.findings.foreignPrivateNames.push(`#${node.name}`);
        return;
      case 'MemberExpression':
        this.#member(node, scope);
        return;
      case 'CallExpression':
        if (node.callee.type === 'Identifier' && node.callee.name === 'eval' && !node.optional)
          if (this.findings.directEval < 0) this.findings.directEval = node.start - this.#offset;
        this.#children(node, scope);
        return;
      case 'Property':
        this.#property(node as Property, scope);
        return;
      case 'FunctionDeclaration':
        if (node.id) {
          scope.declare(node.id.name);
          if (!this.#strict) scope.declareVar(node.id.name); // sloppy code hoists functions out of blocks
        }
        this.#function(node, scope, true);
        return;
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        this.#function(node, scope, true);
        return;
      case 'ClassDeclaration':
        if (node.id) scope.declare(node.id.name);
        this.#class(node, scope);
        return;
      case 'ClassExpression':
        this.#class(node, scope);
        return;
      case 'VariableDeclaration':
        for (const declaration of node.declarations) {
          this.#pattern(declaration.id, scope, node.kind === 'var' ? 'var' : 'let');
          this.#walk(declaration.init, scope);
        }
        return;
      case 'AssignmentExpression':
        if (node.left.type === 'Identifier')
          this.#refer(node.left, scope, { write: true, read: node.operator !== '=' });
        else this.#pattern(node.left, scope, 'nothing');
        this.#walk(node.right, scope);
        return;
      case 'UpdateExpression':
        if (node.argument.type === 'Identifier') this.#refer(node.argument, scope, { write: true, read: true });
        else this.#walk(node.argument, scope);
        return;
      case 'UnaryExpression':
        if (node.operator === 'typeof' && node.argument.type === 'Identifier')
          this.#refer(node.argument, scope, { typeof: true });
        else this.#walk(node.argument, scope);
        return;
      case 'ForStatement':
      case 'ForInStatement':
      case 'ForOfStatement':
        this.#loop(node, scope);
        return;
      case 'BlockStatement':
        this.#all(node.body, new Scope(scope, false));
        return;
      case 'SwitchStatement': {
        this.#walk(node.discriminant, scope);
        const inner = new Scope(scope, false);
        for (const branch of node.cases) {
          this.#walk(branch.test, inner);
          this.#all(branch.consequent, inner);
        }
        return;
      }
      case 'CatchClause': {
        const inner = new Scope(scope, false);
        this.#pattern(node.param, inner, 'let');
        this.#all(node.body.body, inner);
        return;
      }
      case 'LabeledStatement':
        this.#walk(node.body, scope);
        return;
      case 'BreakStatement':
      case 'ContinueStatement':
        return;
      case 'WithStatement':
        if (this.findings.withStatement < 0) this.findings.withStatement = node.start - this.#offset;
        this.#children(node, scope);
        return;
      default:
        this.#children(node, scope);
    }
  }

  #children(node: AnyNode, scope: Scope): void {
    for (const value of Object.values(node)) {
      for (const child of Array.isArray(value) ? value : [value])
        if (typeof child?.type === 'string') this.#walk(child as AnyNode, scope); // only nodes have a `type`
    }
  }

  #member(node: MemberExpression, scope: Scope): void {
    const { object, property } = node;
    if (!node.computed && property.type === 'Identifier') {
      if (object.type === 'Identifier' && object.name !== 'arguments') {
        this.#refer(object, scope, { member: property.name });
        return;
      }
      if (object.type === 'ThisExpression' && !this.#inFunction) this.findings.thisMembers.add(property.name);
    }
    this.#walk(object, scope);
    if (node.computed || property.type === 'PrivateIdentifier') this.#walk(property, scope);
  }

  #property(node: Property, scope: Scope): void {
    if (node.computed) this.#walk(node.key, scope);
    const { value } = node;
    if (node.method || node.kind !== 'init') this.#function(value as AnyNode & FunctionLike, scope, false);
    else if (node.shorthand && value.type === 'Identifier' && value.name === 'arguments' && !this.#inFunction)
      this.#foundOuterArguments(value, `arguments: ${ARGUMENTS_NAME}`);
    else this.#walk(value, scope);
  }

  #foundOuterArguments(node: Identifier, text: string): void {
    if (this.findings.outerArguments < 0) this.findings.outerArguments = node.start - this.#offset;
    this.#replace(node, text);
  }

  #loop(node: ForStatement | ForInStatement | ForOfStatement, scope: Scope): void {
    const inner = new Scope(scope, false);
    if (node.type === 'ForStatement') {
      this.#walk(node.init, inner);
      this.#walk(node.test, inner);
      this.#walk(node.update, inner);
    } else {
      if (node.left.type === 'VariableDeclaration') this.#walk(node.left, inner);
      else this.#pattern(node.left, inner, 'nothing');
      this.#walk(node.right, inner);
    }
    this.#walk(node.body, inner);
  }
}
