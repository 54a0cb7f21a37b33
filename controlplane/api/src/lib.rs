//! REST face of the use cases, OpenAPI, and the embedded console.
