
BxJ
”QRGQŠ™#(