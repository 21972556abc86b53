//! Search over datasets: at present the scanner that finds them below a folder.
