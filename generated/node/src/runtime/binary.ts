/** Octets to send; a `File` also carries its name and media type. */
export type Binary = Blob | Uint8Array | string;
