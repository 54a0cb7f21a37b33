//! Executors: built-in services and supervised Python workers.
