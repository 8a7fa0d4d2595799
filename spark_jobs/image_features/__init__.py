"""What the stages of the pipeline share: datasets in, datasets out, and the work on images between them."""
