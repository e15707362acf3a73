/** Holds run-time values against the types of binding.d.ts, read with the TypeScript compiler. */
import { join } from 'node:path';
import { inspect } from 'node:util';
import ts from 'typescript';

import { root } from './setup.js';

const file = join(root, 'binding.d.ts');
const program = ts.createProgram([file], {
  strict: true,
  exactOptionalPropertyTypes: true,
  target: ts.ScriptTarget.ES2022,
  types: [],
});
const checker = program.getTypeChecker();
const source = program.getSourceFile(file)!;

const declarations = checker.getExportsOfModule(checker.getSymbolAtLocation(source)!);

function interfaceType(name: string): ts.Type {
  const found = declarations.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`binding.d.ts declares no ${name}`);
  return checker.getDeclaredTypeOfSymbol(found);
}

export interface DeclaredFunction {
  name: string;
  /** Number of parameters that a caller must give. */
  required: number;
  /** True where it returns a promise. */
  promise: boolean;
}

/** The functions that an interface declares. */
export function declaredFunctions(name: string): DeclaredFunction[] {
  return checker.getPropertiesOfType(interfaceType(name)).flatMap((property) => {
    const signature = checker.getTypeOfSymbol(property).getCallSignatures()[0];
    if (signature === undefined) return [];
    const required = signature.parameters.filter(
      (parameter) => !((parameter.valueDeclaration as ts.ParameterDeclaration).questionToken !== undefined),
    ).length;
    return [{ name: property.name, required, promise: isPromise(signature.getReturnType()) }];
  });
}

/** Describes the deviation of a value from an interface of binding.d.ts; empty if it conforms. */
export function differences(value: unknown, name: string): string[] {
  return compare(value, interfaceType(name), name);
}

function compare(value: unknown, type: ts.Type, path: string): string[] {
  const wrong = (expected: string): string[] => [`${path} is ${describe(value)} instead of ${expected}`];
  const flags = type.flags;
  if (type.isUnion()) {
    const tried = type.types.map((member) => compare(value, member, path));
    return tried.some((result) => result.length === 0) ? [] : wrong(checker.typeToString(type));
  }
  if (type.isStringLiteral()) return value === type.value ? [] : wrong(`"${type.value}"`);
  if (flags & ts.TypeFlags.BooleanLiteral) return String(value) === checker.typeToString(type) ? [] : wrong('a boolean');
  if (flags & ts.TypeFlags.String) return typeof value === 'string' ? [] : wrong('a string');
  if (flags & ts.TypeFlags.Number) return typeof value === 'number' && !Number.isNaN(value) ? [] : wrong('a number');
  if (flags & ts.TypeFlags.Null) return value === null ? [] : wrong('null');
  if (type.getCallSignatures().length > 0) return typeof value === 'function' ? [] : wrong('a function');
  if (isPromise(type)) return value instanceof Promise ? [] : wrong('a promise');
  if (checker.isArrayType(type)) {
    if (!Array.isArray(value)) return wrong('an array');
    const element = checker.getTypeArguments(type as ts.TypeReference)[0]!;
    return value.flatMap((item, i) => compare(item, element, `${path}[${i}]`));
  }
  if (flags & ts.TypeFlags.Object) {
    if (typeof value !== 'object' || value === null) return wrong('an object');
    const properties = checker.getPropertiesOfType(type);
    const declared = new Set(properties.map((property) => property.name));
    const extra = Object.keys(value).filter((key) => !declared.has(key));
    return [
      ...extra.map((key) => `${path}.${key} is not declared`),
      ...properties.flatMap((property) => {
        if (!(property.name in value)) {
          return property.flags & ts.SymbolFlags.Optional ? [] : [`${path}.${property.name} is missing`];
        }
        const inner = (value as Record<string, unknown>)[property.name];
        return compare(inner, checker.getTypeOfSymbol(property), `${path}.${property.name}`);
      }),
    ];
  }
  throw new Error(`${path}: the test cannot compare ${checker.typeToString(type)}`);
}

function isPromise(type: ts.Type): boolean {
  return checker.typeToString(type).startsWith('Promise<');
}

function describe(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : `${typeof value} ${inspect(value)}`;
}
