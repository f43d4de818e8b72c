"""The laboratory of bench/fanout: shaped hosts in network namespaces, the systems that run in them, and the measurements."""
