/**
 * The type of what a JSON Schema accepts, as far as types go: limits and patterns are for validators. Knows the keywords
 * that the definitions of records use.
 *
 * @typeParam Definitions - What `$ref` refers to, by name.
 */
export type FromSchema<Schema, Definitions> = Schema extends { readonly $ref: `#/$defs/${infer Name}` }
  ? Name extends keyof Definitions
    ? FromSchema<Definitions[Name], Definitions>
    : never
  : Schema extends { readonly const: infer Value }
    ? Value
    : Schema extends { readonly enum: readonly (infer Value)[] }
      ? Value
      : Schema extends { readonly oneOf: readonly (infer Alternative)[] }
        ? FromSchema<Alternative, Definitions>
        : Schema extends { readonly type: readonly (infer Type)[] }
          ? OfType<Type, Schema, Definitions>
          : Schema extends { readonly type: infer Type }
            ? OfType<Type, Schema, Definitions>
            : never;

type OfType<Type, Schema, Definitions> = Type extends 'object'
  ? Expanded<OwnProperties<Schema, Definitions> & Inherited<Schema, Definitions>>
  : Type extends 'array'
    ? Schema extends { readonly items: infer Item }
      ? readonly FromSchema<Item, Definitions>[]
      : never
    : Type extends keyof Primitives
      ? Primitives[Type]
      : never;

interface Primitives {
  string: string;
  number: number;
  integer: number;
  boolean: boolean;
  null: null;
}

type OwnProperties<Schema, Definitions> = Schema extends { readonly properties: infer Properties }
  ? {
      [Name in keyof Properties as Name extends Required<Schema> ? Name : never]: FromSchema<
        Properties[Name],
        Definitions
      >;
    } & {
      [Name in keyof Properties as Name extends Required<Schema> ? never : Name]?: FromSchema<
        Properties[Name],
        Definitions
      >;
    }
  : unknown;

type Required<Schema> = Schema extends { readonly required: readonly (infer Name)[] } ? Name : never;

type Inherited<Schema, Definitions> = Schema extends { readonly allOf: readonly [infer Base] }
  ? FromSchema<Base, Definitions>
  : unknown;

/** An intersection written as one object. */
type Expanded<T> = { [Name in keyof T]: T[Name] };
