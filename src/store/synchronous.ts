/** The same methods as a port's, answering at once. */
export type Synchronous<Port> = {
  [Name in keyof Port]: Port[Name] extends (...values: infer Values) => Promise<infer Answer>
    ? (...values: Values) => Answer
    : never
}
