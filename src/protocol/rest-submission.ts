// What a client and the REST gateway of a master say to each other, as JSON: Spark's submission protocol, version 1. Clients of
// Spark speak it, too. Spark: SubmitRestProtocolMessage

/** Part of every path: `/v1/submissions/create`. */
export const REST_PROTOCOL_VERSION = 'v1';

/** The status of an answer to a request of another version. Spark: RestSubmissionServer.SC_UNKNOWN_PROTOCOL_VERSION */
export const SC_UNKNOWN_PROTOCOL_VERSION = 468;

export interface CreateSubmissionRequest {
  readonly action: 'CreateSubmissionRequest';
  readonly clientSparkVersion: string;
  /** Where the worker gets the application. */
  readonly appResource: string;
  /** What the application calls itself. Spark: the class that has `main` */
  readonly mainClass: string;
  readonly appArgs: readonly string[];
  readonly sparkProperties: Readonly<Record<string, string>>;
  readonly environmentVariables: Readonly<Record<string, string>>;
}

interface SubmitResponse {
  readonly serverSparkVersion: string;
  readonly message?: string;
  readonly success: boolean;
}

export type RestResponse =
  | (SubmitResponse & {
      readonly action: 'CreateSubmissionResponse';
      readonly submissionId?: string;
      /** Fields of the request that the server does not know. */
      readonly unknownFields?: readonly string[];
    })
  | (SubmitResponse & { readonly action: 'KillSubmissionResponse'; readonly submissionId: string })
  | (SubmitResponse & { readonly action: 'KillAllSubmissionResponse' })
  | (SubmitResponse & {
      readonly action: 'SubmissionStatusResponse';
      readonly submissionId: string;
      readonly driverState?: string;
      readonly workerId?: string;
      readonly workerHostPort?: string;
    })
  | (SubmitResponse & { readonly action: 'ClearResponse' })
  | (SubmitResponse & { readonly action: 'ReadyzResponse' })
  | {
      readonly action: 'ErrorResponse';
      readonly serverSparkVersion: string;
      readonly message: string;
      /** Only when the request was of a version that the server does not know. */
      readonly highestProtocolVersion?: string;
    };
