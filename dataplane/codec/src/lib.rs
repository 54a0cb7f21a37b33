//! Sans-I/O codec: HTTP/1 heads, bodies, limits, and worker frames.
