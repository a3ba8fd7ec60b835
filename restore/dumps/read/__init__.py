"""From S3's bytes to SQL text: streams, decompression, pg_dump's archive formats."""
