"""prun and pathena of panda-client, unmodified, with our options in them."""
