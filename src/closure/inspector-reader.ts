import type { Session } from 'node:inspector';
import type { AnyFunction } from './any-function.ts';
import { LruMap } from './lru-map.ts';
import { ScriptInfo } from './source-positions.ts';

export interface ScopeReading {
  /** V8's name of the scope: `Closure (fn)`, `Block`, `Module`, `Global`, … */
  readonly description: string;
  /** Names and values of the scope; a live module binding has its value of now. Reading one may throw (dead zone). */
  readonly object: Readonly<Record<string, unknown>>;
}

export interface FunctionReading {
  /** From the innermost to the global one. */
  readonly scopes: readonly ScopeReading[];
  readonly location: { readonly scriptId: string; readonly lineNumber: number; readonly columnNumber: number } | null;
  readonly bound: { readonly target: unknown; readonly self: unknown; readonly args: readonly unknown[] } | null;
  /** True when the runtime does not show scopes: only functions without captures, or `ship()`. */
  readonly blind: boolean;
}

/** Reads what a function captures: the only part that knows how. */
export interface FunctionReader {
  read(fn: AnyFunction): FunctionReading;
  script(scriptId: string): ScriptInfo;
  close(): void;
}

/** Opens a reader for one capture. Where V8's inspector is missing or forbidden, gives one that sees no scopes. */
export function openReader(): FunctionReader {
  if ('bun' in process.versions) return new BlindReader();
  try {
    return new InspectorReader();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_ACCESS_DENIED') return new BlindReader(); // --permission
    throw error;
  }
}

interface RemoteValue {
  readonly type: string;
  readonly objectId?: string;
  readonly value?: unknown;
  readonly unserializableValue?: string;
}

interface Property {
  readonly name: string;
  readonly value: RemoteValue;
}

interface Properties {
  readonly result: readonly Property[];
  readonly internalProperties?: readonly Property[];
}

/**
 * Limits: a long-lived driver may see endless `new Function` and REPL scripts. Metadata is small, sources are not; a
 * script that was forgotten is read again.
 */
const scripts = new LruMap<string, ScriptInfo>(4096);
const sources = new LruMap<string, ScriptInfo>(256);

/** A fixed property name: V8 keeps a cell and a compiled script for each distinct one. */
const HANDOVER = '__iskraClosureReader';

/**
 * Talks to the V8 inspector of this very thread. A session of the same thread answers synchronously, so a capture can
 * throw at the user's own line.
 *
 * Open, read, close: while a session is open, V8 keeps the arguments of every console.log alive.
 */
class InspectorReader implements FunctionReader {
  readonly #session: Session;
  readonly #question: { fn: AnyFunction | null } = { fn: null };
  readonly #answer: { value: unknown } = { value: null };
  readonly #questionId: string;
  readonly #answerArgument: readonly [{ readonly objectId: string }];
  #error: Error | null = null;
  #result: unknown;
  readonly #onReply = (error: Error | null, result?: object): void => {
    this.#error = error;
    this.#result = result;
  };

  constructor() {
    const inspector = process.getBuiltinModule('node:inspector');
    this.#session = new inspector.Session();
    this.#session.connect();
    // Objects reach the inspector through a builtin module, as every vm context of the process sees the same one.
    const handover = inspector as unknown as Record<string, unknown>;
    handover[HANDOVER] = [this.#question, this.#answer];
    try {
      this.#questionId = this.#evaluate(0);
      this.#answerArgument = [{ objectId: this.#evaluate(1) }];
    } finally {
      handover[HANDOVER] = undefined;
    }
  }

  #evaluate(index: number): string {
    const expression = `process.getBuiltinModule('node:inspector').${HANDOVER}[${index}]`;
    const { result } = this.#post('Runtime.evaluate', { expression, objectGroup: 'iskra' }) as { result: RemoteValue };
    return String(result.objectId);
  }

  #post(method: string, params?: object): unknown {
    this.#error = null;
    this.#result = undefined;
    const post = this.#session.post as (method: string, params: object | undefined, done: unknown) => void;
    post.call(this.#session, method, params, this.#onReply);
    const error = this.#error as Error | null; // set by the callback, which TypeScript cannot see
    if (error !== null) throw new Error(`inspector ${method}: ${error.message}`);
    if (this.#result === undefined) throw new Error(`inspector ${method}: no synchronous answer`);
    return this.#result;
  }

  #properties(objectId: string): Properties {
    return this.#post('Runtime.getProperties', { objectId, ownProperties: true }) as Properties;
  }

  /** Turns the id of a remote value into the value itself: no copy is made, whatever its size. */
  #valueOf(remote: RemoteValue): unknown {
    if (remote.objectId === undefined) return primitiveOf(remote);
    this.#post('Runtime.callFunctionOn', {
      objectId: remote.objectId,
      functionDeclaration: 'function(out){out.value=this}',
      arguments: this.#answerArgument,
      silent: true,
    });
    const { value } = this.#answer;
    this.#answer.value = null;
    return value;
  }

  read(fn: AnyFunction): FunctionReading {
    this.#question.fn = fn;
    const remote = this.#properties(this.#questionId).result[0]?.value;
    this.#question.fn = null;
    let scopes: readonly ScopeReading[] = [];
    let location: FunctionReading['location'] = null;
    let target: unknown;
    let self: unknown;
    let args: readonly unknown[] = [];
    for (const { name, value } of this.#properties(String(remote?.objectId)).internalProperties ?? []) {
      if (name === '[[Scopes]]') scopes = Array.from(this.#valueOf(value) as ArrayLike<ScopeReading>);
      else if (name === '[[FunctionLocation]]') location = value.value as FunctionReading['location'];
      else if (name === '[[TargetFunction]]') target = this.#valueOf(value);
      else if (name === '[[BoundThis]]') self = this.#valueOf(value);
      else if (name === '[[BoundArgs]]') args = Array.from(this.#valueOf(value) as ArrayLike<unknown>);
    }
    return { scopes, location, bound: target === undefined ? null : { target, self, args }, blind: false };
  }

  /**
   * Gives a script with its source. Scripts that are not known yet cost a short visit of the Debugger domain, which
   * lists all of them; it is off again before anything else runs.
   */
  script(scriptId: string): ScriptInfo {
    const known = sources.get(scriptId) ?? scripts.get(scriptId);
    if (known?.hasSource) return known;
    const onScript = ({
      params,
    }: {
      params: { scriptId: string; url: string; isModule?: boolean; sourceMapURL?: string };
    }) => {
      if (scripts.get(params.scriptId) === undefined)
        scripts.set(params.scriptId, new ScriptInfo(params.url, params.isModule === true, params.sourceMapURL ?? ''));
    };
    this.#session.on('Debugger.scriptParsed', onScript);
    this.#post('Debugger.enable');
    try {
      const listed = scripts.get(scriptId) ?? new ScriptInfo('', false, '');
      // A copy, so that forgetting it in `sources` also forgets its text.
      const script = new ScriptInfo(listed.url, listed.isModule, listed.sourceMapUrl);
      const { scriptSource } = this.#post('Debugger.getScriptSource', { scriptId }) as { scriptSource: string };
      script.source = script.isOfNode ? '' : scriptSource;
      sources.set(scriptId, script);
      return script;
    } finally {
      this.#post('Debugger.disable');
      this.#session.removeListener('Debugger.scriptParsed', onScript);
    }
  }

  close(): void {
    this.#session.disconnect();
  }
}

function primitiveOf(remote: RemoteValue): unknown {
  const text = remote.unserializableValue;
  if (text === undefined) return remote.type === 'undefined' ? undefined : remote.value;
  return text.endsWith('n') ? BigInt(text.slice(0, -1)) : Number(text);
}

let blindScripts = 0;

/** For runtimes that show no scopes. */
class BlindReader implements FunctionReader {
  read(): FunctionReading {
    return {
      scopes: [{ description: 'Global', object: globalThis as unknown as Record<string, unknown> }],
      location: { scriptId: `blind-${blindScripts++}`, lineNumber: 0, columnNumber: 0 },
      bound: null,
      blind: true,
    };
  }

  script(): ScriptInfo {
    const script = new ScriptInfo('', true, '');
    script.source = '';
    return script;
  }

  close(): void {}
}
