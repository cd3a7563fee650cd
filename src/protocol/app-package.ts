// How an application travels: a manifest and parts, each named by the sha-256 of its bytes. The manifest is a part as well, and
// its hash is the package's id.

/** The endpoint of everyone who has parts: masters, and drivers. */
export const PACKAGES_ENDPOINT = 'Packages';

/** What `DriverDescription.appResource` of a packed application begins with; the package's id follows. */
export const PACKAGE_SCHEME = 'iskra-package:';

/** One npm package, or the application's own modules. */
export interface PackagePart {
  /** Folder in the tree: a path without its leading slash, as it was on the machine that packed. */
  readonly at: string;
  /** The part's sha-256, hex. */
  readonly hash: string;
  /** Of the part. */
  readonly bytes: number;
  /** Of an npm package; null: the application's own. */
  readonly name: string | null;
  readonly version: string | null;
  /** For which machines it has native add-ons: `linux-x64`, … */
  readonly native: readonly string[];
}

/** A file of `--files` or `--archives` that travels with a driver in cluster mode; its part is the very bytes of the file. */
export interface PackagedFile {
  readonly kind: 'file' | 'archive';
  /** The entry of `spark.files` or `spark.archives`, as it was submitted. */
  readonly given: string;
  /** What the copy is called. */
  readonly name: string;
  /** `#alias` of an archive, or nothing. */
  readonly suffix: string;
  readonly hash: string;
  readonly bytes: number;
}

/**
 * The tree of an application. All paths are those of the machine that packed, without the leading slash, so that Node finds each
 * module by the same steps wherever the tree is put.
 */
export interface PackageManifest {
  readonly format: 1;
  /** Workers bring their own Iskra, and it has to be this version. */
  readonly iskraVersion: string;
  readonly node: {
    readonly version: string;
    readonly platform: string;
    readonly arch: string;
    /** process.versions.modules */
    readonly abi: string;
  };
  /** The module that is run. */
  readonly entry: string;
  /** The application's file as the user named it, for messages and `process.argv`. */
  readonly application: string;
  /** Where Iskra stood; each machine puts its own there. */
  readonly installation: string;
  readonly parts: readonly PackagePart[];
  /** For the driver alone, outside of the tree; absent: none. */
  readonly files?: readonly PackagedFile[];
  /** Symbolic links inside the tree, as package managers make them. */
  readonly links: readonly { readonly at: string; readonly to: string }[];
  /** Files with paths of that machine in them, which are led to the tree's. */
  readonly rebased: readonly string[];
}

/** A driver tells its executors how they get modules. */
export interface PackageNotice {
  /** `auto`: an executor that sees the probes as they are here imports the driver's own files. */
  readonly ship: 'auto' | 'always';
  readonly probes: readonly FileProbe[];
}

/** A file of the driver by which another process finds out whether it sees the driver's disk. */
export interface FileProbe {
  readonly path: string;
  readonly bytes: number;
  readonly mtimeMs: number;
}

/** Questions to the endpoint `Packages`. name → [request, reply] */
export interface AskPackages {
  /** The package of the driver's own application; its base is what its modules' paths begin with: `/`, or a tree's folder. */
  GetPackage: [null, { readonly packageId: string; readonly base: string }];
  /** Answered when it is the asker's turn to read; without it parts are not given. */
  StartReading: [null, null];
  StopReading: [null, null];
  /** `bytes` null: not here. `total` is the whole part's length. */
  ReadPart: [
    { readonly hash: string; readonly offset: number; readonly length: number },
    { readonly bytes: Uint8Array | null; readonly total: number },
  ];
  /** A file or archive that the driver added. */
  ReadAddedFile: [
    { readonly name: string; readonly timestamp: number; readonly offset: number; readonly length: number },
    { readonly bytes: Uint8Array },
  ];
  /** Its sha-256, hex, and length. An error when it is not any more what was added. */
  AddedFileHash: [
    { readonly name: string; readonly timestamp: number },
    { readonly hash: string; readonly bytes: number },
  ];
  /** Which of these parts are not here; the others are kept for as long as if they had been sent now. */
  MissingParts: [{ readonly hashes: readonly string[] }, { readonly missing: readonly string[] }];
  /** A part in pieces, in order; the last makes it whole, if its hash is right. */
  WritePart: [
    { readonly hash: string; readonly offset: number; readonly bytes: Uint8Array; readonly last: boolean },
    null,
  ];
}
