//! The laws hold for a layer that does nothing.

lameduck_test::layer_laws!(|inner| inner);
