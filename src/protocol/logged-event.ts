/**
 * An event as a line of an event log has it: JSON, by the names of Spark's log. Whoever reads one may meet any version's, so
 * values are looked at before they are used.
 *
 * Spark: JsonProtocol
 */
export interface LoggedEvent {
  readonly Event: string;
  readonly [field: string]: unknown;
}
