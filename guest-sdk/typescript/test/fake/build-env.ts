export default { AT_BUILD: "built", BOTH: "built" };
